#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sys/file.h"

namespace ak::sys::testing {

// A directory of one test's own, removed with all that the test put there. For tests only.
class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "ak-test-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      std::abort();
    }
    fd_ = OwnedFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  ~TempDir() {
    const std::filesystem::path whole = path_;
    (void)removeTree(
        OwnedFd(::open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)).get(),
        whole.filename());
  }

  const std::string& path() const { return path_; }

  std::string path(const std::string& name) const { return path_ + "/" + name; }

  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  OwnedFd fd_;
};

}  // namespace ak::sys::testing
