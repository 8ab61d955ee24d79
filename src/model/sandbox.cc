#include "model/sandbox.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace ak::model {

namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxWorkdir = 1024;
constexpr std::size_t kMaxStrings = 1024;
constexpr std::size_t kMaxString = 128 * 1024;  // MAX_ARG_STRLEN of execve(2)
constexpr std::size_t kMaxTotal = 1024 * 1024;

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool isSeparator(char c) {
  return c == '-' || c == '_';
}

std::unexpected<Error> badName(std::string_view name, std::string_view why) {
  return fail(ErrorCode::InvalidArgument,
              cat("sandbox name '", printable(name.substr(0, kMaxName + 1)), "' ", why),
              "Use 1 to 63 letters, digits, '-' and '_'; begin and end with a letter or digit, and "
              "put no two of '-' and '_' side by side.");
}

// What execve(2) can carry, for argv and for the environment alike.
Status validateStrings(const std::vector<std::string>& strings, std::string_view what) {
  if (strings.size() > kMaxStrings) {
    return fail(ErrorCode::TooLarge, cat(what, " has more than ", kMaxStrings, " entries"));
  }
  std::size_t total = 0;
  for (const std::string& text : strings) {
    if (text.contains('\0')) {
      return fail(ErrorCode::InvalidArgument, cat(what, " contains a NUL byte"));
    }
    total += text.size() + 1;
    if (text.size() >= kMaxString || total > kMaxTotal) {
      return fail(ErrorCode::TooLarge, cat(what, " is too long"),
                  "At most 128 KiB for one string and 1 MiB in all fit; put bulk data into a file "
                  "or onto standard input.");
    }
  }
  return {};
}

}  // namespace

std::string_view name(SandboxStatus value) {
  switch (value) {
    case SandboxStatus::Archived:
      return "archived";
    case SandboxStatus::Dormant:
      return "dormant";
    case SandboxStatus::Paused:
      return "paused";
    case SandboxStatus::Running:
      return "running";
    case SandboxStatus::Stopped:
      return "stopped";
    case SandboxStatus::Unknown:
      break;
  }
  return "unknown";
}

Status validateSandboxName(std::string_view name) {
  if (name.empty()) {
    return badName(name, "is empty");
  }
  if (name.size() > kMaxName) {
    return badName(name, "is too long");
  }
  if (isSeparator(name.front()) || isSeparator(name.back())) {
    return badName(name, "begins or ends with a separator");
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!isLetter(name[i]) && !isDigit(name[i]) && !isSeparator(name[i])) {
      return badName(name, "contains a character that is not allowed");
    }
    if (i > 0 && isSeparator(name[i]) && isSeparator(name[i - 1])) {
      return badName(name, "has two separators side by side");
    }
  }
  return {};
}

Status validateEnvironment(const std::vector<std::string>& environment) {
  if (auto valid = validateStrings(environment, "environment"); !valid) {
    return valid;
  }
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    const std::string_view key = std::string_view(entry).substr(0, equals);
    const bool settable =
        equals != std::string::npos && !key.empty() && !isDigit(key.front()) &&
        std::ranges::all_of(key, [](char c) { return isLetter(c) || isDigit(c) || c == '_'; });
    if (!settable) {
      // Only the key is shown: the value may be a secret.
      return fail(ErrorCode::InvalidArgument,
                  cat("environment entry '", printable(key.substr(0, 64)), "' is not KEY=VALUE"),
                  key.starts_with("export ")
                      ? "Leave the shell's word 'export' out: KEY=VALUE alone."
                      : "Write KEY=VALUE, with a key of letters, digits and '_' that does not "
                        "begin with a digit.");
    }
  }
  return {};
}

Status validateWorkdir(std::string_view workdir) {
  constexpr std::string_view kRemedy =
      "Give an absolute path inside the sandbox without '..', such as /workspace.";
  const std::string shown = printable(workdir.substr(0, 128));
  if (workdir.empty() || workdir.front() != '/') {
    return fail(ErrorCode::InvalidArgument, cat("working directory '", shown, "' is not absolute"),
                std::string(kRemedy));
  }
  if (workdir.size() > kMaxWorkdir) {
    return fail(ErrorCode::InvalidArgument, "working directory is too long", std::string(kRemedy));
  }
  if (workdir.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos ||
      std::ranges::count(split(workdir, '/'), std::string_view("..")) != 0) {
    return fail(ErrorCode::InvalidArgument, cat("working directory '", shown, "' is not allowed"),
                std::string(kRemedy));
  }
  return {};
}

Status validateCommand(const std::vector<std::string>& command) {
  if (command.empty() || command.front().empty()) {
    return fail(ErrorCode::InvalidArgument, "the command is empty",
                "Name a program to run, for example: agentkernel run -- ls -l");
  }
  return validateStrings(command, "command");
}

std::string remedyForOneWord(const std::vector<std::string>& command) {
  if (command.size() != 1 || !trim(command.front()).contains(' ')) {
    return {};
  }
  return "This is a whole command line in one word: leave the quotes around it out, or have a "
         "shell "
         "take it apart: sh -c '...'.";
}

Status validateInitScript(std::string_view script) {
  constexpr std::size_t kMost = std::size_t{64} * 1024;
  if (script.size() > kMost || script.contains('\0') || !isUtf8(script)) {
    return fail(ErrorCode::InvalidArgument,
                "an init script has at most 64 KiB of UTF-8 text without NUL",
                "Put what is longer into a file, and have the script run that.");
  }
  return {};
}

std::string makeUuid(WallTime now, Random& random) {
  std::array<unsigned char, 16> bytes{};
  random.fill(std::span(bytes).subspan(6));
  // 48 bits of Unix milliseconds, big-endian, so that text order is time order.
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto milliseconds = static_cast<std::uint64_t>(since.count());
  for (unsigned i = 0; i < 6; ++i) {
    bytes[i] = static_cast<unsigned char>(milliseconds >> (40U - 8U * i) & 0xffU);
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x70U);  // version 7
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);  // RFC 9562 variant
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      text += '-';
    }
    const char byte = static_cast<char>(bytes[i]);
    text += toHex(std::string_view(&byte, 1));
  }
  return text;
}

bool isUuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace ak::model
