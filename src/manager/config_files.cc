#include "manager/config_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include <memory>

#include "base/text.h"
#include "policy/injection_target.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMaxNames = 10'000;
constexpr std::size_t kMaxProcfile = 64 * 1024;

struct CloseDirectory {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::string> readSource(int directory,
                               const std::string& source,
                               Reach reach,
                               std::size_t limit) {
  const std::uint64_t resolve =
      reach == Reach::Beneath ? RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS : RESOLVE_NO_MAGICLINKS;
  return sys::readRegularFile(directory, source, limit, resolve);
}

}  // namespace

Status readConfiguredFiles(const std::vector<config::FileEntry>& entries,
                           const std::string& directory,
                           Reach reach,
                           std::vector<model::FileInjection>& out) {
  if (entries.empty()) {
    return {};
  }
  const sys::OwnedFd base = AK_TRY(sys::openPath(directory, O_PATH | O_DIRECTORY));
  std::size_t total = 0;
  for (const config::FileEntry& entry : entries) {
    AK_TRY(policy::checkInjectionTarget(entry.destination.value));
    Result<std::string> content =
        readSource(base.get(), entry.source.value, reach, kMaxInjectedFile);
    if (!content) {
      Error error = std::move(content).error();
      return std::unexpected(
          std::move(error).context(cat(entry.source.origin.text(), ": [[files]]")));
    }
    total += content->size();
    if (total > kMaxInjectedTotal) {
      return fail(ErrorCode::TooLarge, "the files to put into the sandbox are over 64 MiB",
                  "Mount the directory, or make an image of it.");
    }
    out.push_back({entry.destination.value, std::move(*content), entry.mode});
  }
  return {};
}

Status lookForLanguages(const std::string& directory, policy::ImageQuestion& question) {
  sys::OwnedFd fd = AK_TRY(sys::openPath(directory, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDirectory> dir(::fdopendir(fd.get()));
  if (!dir) {
    return failErrno(cat("listing ", directory));
  }
  const int dir_fd = fd.release();  // closedir owns it now
  bool procfile = false;
  while (const dirent* entry = ::readdir(dir.get())) {
    question.file_names.emplace_back(entry->d_name);
    procfile = procfile || question.file_names.back() == "Procfile";
    if (question.file_names.size() == kMaxNames) {
      break;
    }
  }
  if (procfile) {
    // Unreadable or huge: it decides nothing.
    question.procfile = readSource(dir_fd, "Procfile", Reach::Beneath, kMaxProcfile).value_or("");
  }
  return {};
}

}  // namespace ak::manager
