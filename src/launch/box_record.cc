#include "launch/box_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "model/box_codec.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::launch {

namespace {

constexpr const char* kDirectory = "boxes";

}  // namespace

Status recordBox(int runtime, const std::string& id) {
  if (::mkdirat(runtime, kDirectory, 0700) != 0 && errno != EEXIST) {
    return failErrno("box records");
  }
  const Result<sys::OwnedFd> file =
      sys::openAt(runtime, cat(kDirectory, "/", id), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file && file.error().sys_errno == EEXIST) {
    return fail(ErrorCode::AlreadyExists, cat("box ", id, " of an earlier launcher is still there"),
                "Sweep first.");
  }
  return file ? Status() : Status(std::unexpected(file.error()));
}

Status recordProcess(int runtime, const std::string& id, const sys::ProcessId& process) {
  const sys::OwnedFd file =
      AK_TRY(sys::openAt(runtime, cat(kDirectory, "/", id), O_WRONLY | O_NOFOLLOW));
  return sys::writeAll(file.get(), cat(process.pid, " ", process.start_ticks));
}

void killRecorded(int runtime, const std::string& id) {
  const Result<sys::OwnedFd> file =
      sys::openAt(runtime, cat(kDirectory, "/", id), O_RDONLY | O_NOFOLLOW);
  // A name of its own: the words are views into it.
  const std::string text = file ? sys::readAll(file->get(), 128).value_or("") : "";
  const auto words = split(text, ' ');
  const auto pid = parseNumber<pid_t>(words.front());
  const auto ticks = parseNumber<std::uint64_t>(words.back());
  if (words.size() == 2 && pid && ticks) {
    const Result<sys::OwnedFd> process = sys::openProcess({*pid, *ticks});
    if (process) {
      (void)sys::signalPidFd(process->get(), SIGKILL);
    }
  }
}

void forgetBox(int runtime, const std::string& id) {
  (void)::unlinkat(runtime, cat(kDirectory, "/", id).c_str(), 0);
}

std::vector<std::string> recordedBoxes(int runtime) {
  return boxIdsIn(runtime, kDirectory);
}

std::vector<std::string> boxIdsIn(int runtime, const std::string& directory) {
  std::vector<std::string> ids;
  Result<sys::DirectoryReader> entries = sys::DirectoryReader::open(runtime, directory);
  while (const dirent* entry = entries ? entries->next().value_or(nullptr) : nullptr) {
    if (model::validateBoxId(entry->d_name)) {
      ids.emplace_back(entry->d_name);
    }
  }
  return ids;
}

}  // namespace ak::launch
