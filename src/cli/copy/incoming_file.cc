#include "cli/copy/incoming_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/file.h"
#include "sys/random.h"

namespace ak::cli {

namespace {

constexpr std::size_t kBlock = 4096;

std::string temporaryName() {
  return cat(".ak-copy-", sys::KernelRandom().hex(8));
}

// What is there may be replaced: nothing, a file, a link.
Status checkPlace(int directory, const std::string& name) {
  struct stat old{};
  if (::fstatat(directory, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status() : failErrno(printable(name));
  }
  return S_ISREG(old.st_mode) || S_ISLNK(old.st_mode)
             ? Status()
             : fail(ErrorCode::Conflict,
                    cat(printable(name), " exists and is ",
                        S_ISDIR(old.st_mode) ? "a directory" : "no regular file"),
                    "Remove it first, or choose another name.");
}

mode_t currentUmask() {
  const mode_t mask = ::umask(077);
  ::umask(mask);
  return mask;
}

bool allZero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == 0; });
}

}  // namespace

Result<IncomingFile> IncomingFile::create(int directory, std::string name) {
  AK_TRY(checkPlace(directory, name));
  IncomingFile incoming;
  const std::string temporary = temporaryName();
  incoming.file_ = AK_TRY(sys::openAt(directory, temporary, O_WRONLY | O_CREAT | O_EXCL, 0600,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  incoming.directory_ = directory;
  incoming.name_ = std::move(name);
  incoming.temporary_ = temporary;
  return incoming;
}

IncomingFile::IncomingFile(IncomingFile&& other) noexcept
    : directory_(other.directory_),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)),
      size_(other.size_) {}

IncomingFile::~IncomingFile() {
  if (!temporary_.empty()) {
    ::unlinkat(directory_, temporary_.c_str(), 0);
  }
}

Status IncomingFile::put(std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno != EINTR) {
      return failErrno(cat("write ", printable(name_)));
    }
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      at += static_cast<std::uint64_t>(written);
    }
  }
  return {};
}

Status IncomingFile::write(std::string_view bytes) {
  // Runs of blocks with something in them are written in one call each.
  std::size_t begin = 0;
  std::size_t at = 0;
  const std::uint64_t base = size_;
  while (at < bytes.size()) {
    const std::size_t to_block_end = kBlock - static_cast<std::size_t>((base + at) % kBlock);
    const std::size_t size = std::min(to_block_end, bytes.size() - at);
    if (allZero(bytes.substr(at, size))) {
      AK_TRY(put(bytes.substr(begin, at - begin), base + begin));
      begin = at + size;
    }
    at += size;
  }
  AK_TRY(put(bytes.substr(begin), base + begin));
  size_ += bytes.size();
  return {};
}

Status IncomingFile::commit(std::uint32_t mode) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0 ||
      ::fchmod(file_.get(), mode & 0777U & ~currentUmask()) != 0) {
    return failErrno(cat("write ", printable(name_)));
  }
  AK_TRY(file_.close());
  if (::renameat(directory_, temporary_.c_str(), directory_, name_.c_str()) != 0) {
    return failErrno(cat("put ", printable(name_), " in place"));
  }
  temporary_.clear();
  return {};
}

Status putLink(int directory, const std::string& name, const std::string& text) {
  AK_TRY(checkPlace(directory, name));
  const std::string temporary = temporaryName();
  if (::symlinkat(text.c_str(), directory, temporary.c_str()) != 0) {
    return failErrno(cat("make link ", printable(name)));
  }
  if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
    const auto failed = failErrno(cat("make link ", printable(name)));
    ::unlinkat(directory, temporary.c_str(), 0);
    return failed;
  }
  return {};
}

bool leadsOutside(std::string_view target, std::size_t depth) {
  if (target.empty() || target.starts_with('/')) {
    return true;
  }
  std::size_t climbs = 0;
  bool descended = false;
  for (const std::string_view part : split(target, '/')) {
    if (part == "..") {
      if (descended || ++climbs > depth) {
        return true;
      }
    } else if (!part.empty() && part != ".") {
      descended = true;
    }
  }
  return false;
}

}  // namespace ak::cli
