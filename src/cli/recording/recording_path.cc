#include "cli/recording/recording_path.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

// "2026-01-02T03:04:05.678901Z" as 20260102-030405.
std::string stamp(WallTime now) {
  std::string text = formatTime(now).substr(0, 19);
  std::erase(text, '-');
  std::erase(text, ':');
  std::ranges::replace(text, 'T', '-');
  return text;
}

Result<std::string> usualDirectory(const env::Environment& environment) {
  const auto home = env::absolutePath(environment, "HOME");
  if (!home) {
    return fail(ErrorCode::InvalidArgument, "HOME is not set, so there is no place for recordings",
                "Name a file: --record FILE");
  }
  const std::string directory = *home + "/.agentkernel/recordings";
  AK_TRY(sys::makePrivateDirectory(directory));
  return directory;
}

}  // namespace

Result<std::string> recordingPath(std::string_view word,
                                  std::string_view sandbox,
                                  WallTime now,
                                  const env::Environment& environment) {
  // A sandbox may be named by its uuid; neither has a slash, and what is no name is refused later.
  std::string file = cat(sandbox, "-", stamp(now), ".cast");
  std::ranges::replace(file, '/', '_');
  if (word.empty() || word == "-") {
    return cat(AK_TRY(usualDirectory(environment)), "/", file);
  }
  std::string path(word);
  struct stat info{};
  if (path.ends_with('/')) {
    return path + file;
  }
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return cat(path, "/", file);
  }
  return path;
}

}  // namespace ak::cli
