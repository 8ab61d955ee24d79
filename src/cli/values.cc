#include "cli/values.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "model/sandbox.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

// Files travel inside the request, which the API limits to 16 MiB as JSON.
constexpr std::size_t kMaxFile = 10 * 1024 * 1024;
constexpr std::size_t kMaxEnvironmentFile = 1024 * 1024;

std::unexpected<Error> bad(std::string_view what, std::string_view word, std::string_view example) {
  return fail(ErrorCode::InvalidArgument,
              cat("'", printable(word.substr(0, 100)), "' is not ", what),
              cat("Write for example: ", example));
}

// "1.5" as 150: decimal with at most two digits behind the point, exactly.
std::optional<std::uint64_t> parseHundredths(std::string_view word) {
  const std::size_t point = word.find('.');
  const std::string_view fraction = point == std::string_view::npos ? "" : word.substr(point + 1);
  if (fraction.size() > 2 || (point != std::string_view::npos && fraction.empty())) {
    return std::nullopt;
  }
  const auto whole = parseNumber<std::uint32_t>(word.substr(0, point));
  const auto part = fraction.empty() ? 0 : parseNumber<std::uint32_t>(fraction);
  if (!whole || !part) {
    return std::nullopt;
  }
  return std::uint64_t{*whole} * 100 + (fraction.size() == 1 ? *part * 10 : *part);
}

}  // namespace

namespace {

// The power of two that a unit stands for; nullopt for a word that is none.
std::optional<unsigned> unitShift(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 14> kUnits = {{
      {"", 0},
      {"b", 0},
      {"k", 10},
      {"kb", 10},
      {"kib", 10},
      {"m", 20},
      {"mb", 20},
      {"mib", 20},
      {"g", 30},
      {"gb", 30},
      {"gib", 30},
      {"t", 40},
      {"tb", 40},
      {"tib", 40},
  }};
  const auto* found =
      std::ranges::find(kUnits, unit, &std::pair<std::string_view, unsigned>::first);
  return found == kUnits.end() ? std::nullopt : std::optional(found->second);
}

constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();

}  // namespace

Result<std::uint64_t> parseSize(std::string_view word) {
  const std::string lower = toLower(word);
  const std::size_t digits = std::min(lower.find_first_not_of("0123456789"), lower.size());
  const auto number = parseNumber<std::uint64_t>(std::string_view(lower).substr(0, digits));
  const auto shift = unitShift(std::string_view(lower).substr(digits));
  if (!number || *number == 0 || !shift || *number > (kMostBytes >> *shift)) {
    return bad("a size", word, "512mb, 2g or 1073741824");
  }
  return *number << *shift;
}

Result<std::uint64_t> parseVolumeSize(std::string_view word) {
  if (word.empty()) {
    return 0;
  }
  const std::string lower = toLower(word);
  const std::size_t digits = std::min(lower.find_first_not_of("0123456789."), lower.size());
  const auto hundredths = parseHundredths(std::string_view(lower).substr(0, digits));
  const auto whole = parseNumber<std::uint64_t>(std::string_view(lower).substr(0, digits));
  const auto shift = unitShift(std::string_view(lower).substr(digits));
  if (whole && shift && *whole <= (kMostBytes >> *shift)) {
    return *whole << *shift;
  }
  // At most 2^32 hundred hundredths of a unit: 2^79, which is too much, but can be told.
  if (hundredths && shift && *hundredths / 100 < (kMostBytes >> *shift)) {
    return (*hundredths / 100 << *shift) + ((*hundredths % 100) << *shift) / 100;
  }
  return bad("a size", word, "1gb, 1.5g, 512m, or 0 for no limit");
}

Result<std::uint32_t> parseCpus(std::string_view word) {
  const auto hundredths = parseHundredths(word);
  if (!hundredths || *hundredths == 0 || *hundredths > 100ULL * 4096) {
    return bad("a number of cores", word, "2 or 0.5");
  }
  return static_cast<std::uint32_t>(*hundredths);
}

Result<std::chrono::milliseconds> parseTimeout(std::string_view word) {
  constexpr std::string_view kExample = "90s, 30m, 1h or 250ms";
  if (word.ends_with("ms")) {
    const auto number = parseNumber<std::uint32_t>(word.substr(0, word.size() - 2));
    if (number && *number != 0) {
      return std::chrono::milliseconds(*number);
    }
  } else if (const auto seconds = parseDuration(word); seconds && seconds->count() > 0) {
    return std::chrono::milliseconds(*seconds);
  }
  if (word.starts_with('0')) {
    return fail(
        ErrorCode::InvalidArgument,
        cat("'", printable(word.substr(0, 100)), "' is no time to run in"),
        cat("Without a timeout a command runs until it ends; or write for example: ", kExample));
  }
  return bad("a duration", word, kExample);
}

Result<model::FileInjection> readFileOption(const std::string& word) {
  std::string_view rest = word;
  std::optional<std::uint32_t> mode;
  const std::size_t last = rest.rfind(':');
  if (last != std::string_view::npos && !rest.substr(last + 1).starts_with('/')) {
    mode = parseNumber<std::uint32_t>(rest.substr(last + 1), 8);
    if (!mode || *mode > 0777) {
      return bad("SRC:DEST[:MODE]", word, "--file ./settings.json:/etc/app/settings.json:0600");
    }
    rest = rest.substr(0, last);
  }
  // The destination is absolute, so the last ":/" divides the two even if the source has a colon.
  const std::size_t colon = rest.rfind(":/");
  if (colon == std::string_view::npos || colon == 0) {
    return bad("SRC:DEST[:MODE]", word, "--file ./settings.json:/etc/app/settings.json");
  }
  const std::string source(rest.substr(0, colon));
  // O_NONBLOCK: a FIFO would keep us waiting for a writer before we can see what it is.
  const auto fd = sys::openPath(source, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    return std::unexpected(Error(fd.error()).context("--file"));
  }
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) {
    return failErrno(cat("stat ", source));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument,
                cat("--file: ", printable(source), " is not a regular file"),
                "Put directories into the sandbox with --mount, from the working directory.");
  }
  auto content = sys::readAll(fd->get(), kMaxFile);
  if (!content) {
    return std::unexpected(std::move(content).error().context(cat("--file ", source)));
  }
  return model::FileInjection{.path = std::string(rest.substr(colon + 1)),
                              .content = *std::move(content),
                              .mode = mode.value_or(info.st_mode & 0777U)};
}

Result<model::WorkspaceMode> parseMount(std::string_view word) {
  if (word.contains('/') || word.contains(':')) {
    return fail(ErrorCode::InvalidArgument,
                cat("--mount says how the working directory is mounted, not what: '",
                    printable(word.substr(0, 100)), "'"),
                "Go to the directory and write --mount cow, rw, ro or none; a single file comes in "
                "with --file SRC:DEST.");
  }
  return model::parseWorkspaceMode(word);
}

std::string imageNameOf(std::string_view path) {
  std::string name = toLower(path.substr(path.rfind('/') + 1));
  for (const std::string_view ending : {".gz", ".zst", ".tar", ".tgz"}) {
    if (name.ends_with(ending)) {
      name.resize(name.size() - ending.size());
    }
  }
  return name;
}

Result<std::string> environmentEntry(const std::string& word, const env::Environment& environment) {
  if (word.contains('=')) {
    return word;
  }
  const auto value = environment(word.c_str());
  if (!value) {
    return fail(ErrorCode::InvalidArgument,
                cat("--env ", printable(word), ": there is no such variable here"),
                cat("Give its value: --env ", printable(word), "=VALUE"));
  }
  return cat(word, "=", *value);
}

Result<std::vector<std::string>> readEnvironmentFile(const std::string& path,
                                                     const env::Environment& environment) {
  auto text = sys::readFile(path, kMaxEnvironmentFile);
  if (!text) {
    return std::unexpected(std::move(text).error().context("--env-file"));
  }
  std::vector<std::string> entries;
  std::size_t number = 0;
  for (std::string_view line : split(*text, '\n')) {
    ++number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const Status added = [&]() -> Status {
      entries.push_back(AK_TRY(environmentEntry(std::string(line), environment)));
      return model::validateEnvironment({entries.back()});
    }();
    if (!added) {
      Error error = added.error();
      return std::unexpected(std::move(error).context(cat(printable(path), ":", number)));
    }
  }
  return entries;
}

}  // namespace ak::cli
