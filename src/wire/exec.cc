#include "wire/exec.h"

#include "base/text.h"
#include "wire/fields.h"

namespace ak::wire {

namespace {

constexpr std::size_t kMaxLimits = 32;
constexpr std::size_t kMaxUser = 256;
constexpr std::int32_t kMaxSignal = 64;

std::string encodeLimit(const ResourceLimit& limit) {
  TlvWriter out;
  out.number(1, limit.resource).number(2, limit.soft).number(3, limit.hard);
  return std::move(out).take();
}

Result<ResourceLimit> decodeLimit(std::string_view text) {
  ResourceLimit limit;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        limit.resource = in.numberAs<std::uint32_t>();
        break;
      case 2:
        limit.soft = in.number();
        break;
      case 3:
        limit.hard = in.number();
        break;
      default:
        break;
    }
  }
  if (!in.ok()) {
    return malformed("resource limit");
  }
  return limit;
}

// The rules that hold for every request, whoever made it: what remains is for the agent to try.
Status validate(const ExecRequest& request) {
  if (request.argv.empty() || request.argv.front().empty()) {
    return fail(ErrorCode::InvalidArgument, "the command is empty");
  }
  for (const std::string& argument : request.argv) {
    if (hasNul(argument)) {
      return fail(ErrorCode::InvalidArgument, "an argument contains a NUL byte");
    }
  }
  for (const std::string& variable : request.environment) {
    if (hasNul(variable) || variable.find('=') == 0 || !variable.contains('=')) {
      return fail(ErrorCode::InvalidArgument, "an environment variable is not KEY=VALUE");
    }
  }
  const std::string& directory = request.directory;
  if (hasNul(directory) || directory.size() > kMaxPath ||
      (!directory.empty() && directory.front() != '/')) {
    return fail(ErrorCode::InvalidArgument, "the working directory is not an absolute path");
  }
  if (hasNul(request.user) || request.user.size() > kMaxUser) {
    return fail(ErrorCode::InvalidArgument, "the user is not a name or a number");
  }
  return {};
}

void putWindow(TlvWriter& out, std::uint32_t field, const WindowSize& window) {
  out.number(field, window.rows).number(field + 1, window.columns);
}

}  // namespace

std::string encode(const ExecRequest& request) {
  TlvWriter out;
  for (const std::string& argument : request.argv) {
    out.bytes(1, argument);
  }
  for (const std::string& variable : request.environment) {
    out.bytes(2, variable);
  }
  out.bytesIf(3, request.directory).bytesIf(4, request.user);
  out.numberIf(5, request.terminal ? 1 : 0);
  putWindow(out, 6, request.window);  // 6 and 7
  out.numberIf(8, request.close_stdin ? 1 : 0).numberIf(9, request.timeout_ms);
  out.numberIf(10, request.last ? 1 : 0);
  for (const ResourceLimit& limit : request.limits) {
    out.bytes(11, encodeLimit(limit));
  }
  out.numberIf(12, request.login_shell ? 1 : 0);
  return std::move(out).take();
}

Result<ExecRequest> decodeExecRequest(std::string_view text) {
  ExecRequest request;
  bool fits = true;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        fits &= appendBounded(request.argv, in.bytes(), kMaxArguments);
        break;
      case 2:
        fits &= appendBounded(request.environment, in.bytes(), kMaxEnvironment);
        break;
      case 3:
        request.directory = in.string();
        break;
      case 4:
        request.user = in.string();
        break;
      case 5:
        request.terminal = in.number() != 0;
        break;
      case 6:
        request.window.rows = in.numberAs<std::uint16_t>();
        break;
      case 7:
        request.window.columns = in.numberAs<std::uint16_t>();
        break;
      case 8:
        request.close_stdin = in.number() != 0;
        break;
      case 9:
        request.timeout_ms = in.numberAs<std::uint32_t>();
        break;
      case 10:
        request.last = in.number() != 0;
        break;
      case 11:
        request.limits.push_back(AK_TRY(decodeLimit(in.bytes())));
        fits &= request.limits.size() <= kMaxLimits;
        break;
      case 12:
        request.login_shell = in.number() != 0;
        break;
      default:
        break;
    }
    if (!fits) {
      return fail(ErrorCode::TooLarge,
                  cat("more than ", kMaxArguments, " arguments, ", kMaxEnvironment,
                      " variables or ", kMaxLimits, " limits"));
    }
  }
  if (!in.ok()) {
    return malformed("exec request");
  }
  AK_TRY(validate(request));
  return request;
}

std::string encode(const ExecStarted& started) {
  TlvWriter out;
  out.number(1, started.pid);
  return std::move(out).take();
}

Result<ExecStarted> decodeExecStarted(std::string_view text) {
  ExecStarted started;
  TlvReader in(text);
  while (in.next()) {
    if (in.field() == 1) {
      started.pid = in.numberAs<std::uint32_t>();
    }
  }
  if (!in.ok()) {
    return malformed("exec start");
  }
  return started;
}

std::string encode(const ExecExit& exit) {
  TlvWriter out;
  out.number(2, static_cast<std::uint32_t>(exit.code));
  out.numberIf(3, static_cast<std::uint32_t>(exit.signal));
  out.numberIf(4, exit.timed_out ? 1 : 0).numberIf(5, exit.killed ? 1 : 0);
  out.numberIf(6, exit.out_of_memory ? 1 : 0);
  return std::move(out).take();
}

Result<ExecExit> decodeExecExit(std::string_view text) {
  ExecExit exit;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 2:
        exit.code = in.numberAs<std::int32_t>();
        break;
      case 3:
        exit.signal = in.numberAs<std::int32_t>();
        break;
      case 4:
        exit.timed_out = in.number() != 0;
        break;
      case 5:
        exit.killed = in.number() != 0;
        break;
      case 6:
        exit.out_of_memory = in.number() != 0;
        break;
      default:
        break;
    }
  }
  if (!in.ok() || exit.code > 255 || exit.signal > kMaxSignal) {
    return malformed("exec exit");
  }
  return exit;
}

std::string encode(const ExecControl& control) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(control.kind));
  putWindow(out, 2, control.window);  // 2 and 3
  out.numberIf(4, static_cast<std::uint32_t>(control.signal));
  return std::move(out).take();
}

Result<ExecControl> decodeExecControl(std::string_view text) {
  ExecControl control;
  std::uint8_t kind = 0;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        kind = in.numberAs<std::uint8_t>();
        break;
      case 2:
        control.window.rows = in.numberAs<std::uint16_t>();
        break;
      case 3:
        control.window.columns = in.numberAs<std::uint16_t>();
        break;
      case 4:
        control.signal = in.numberAs<std::int32_t>();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || kind < static_cast<std::uint8_t>(ExecControl::Kind::Resize) ||
      kind > static_cast<std::uint8_t>(ExecControl::Kind::Kill) || control.signal > kMaxSignal) {
    return malformed("exec control");
  }
  control.kind = static_cast<ExecControl::Kind>(kind);
  return control;
}

}  // namespace ak::wire
