#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::cli {

// A file of a stranger on its way into a directory of this host: written beside its place and put
// there whole, as the replacement of a file or a link; never through a link, never onto a device or
// FIFO. Without commit() nothing stays.
//
// Blocks of zeros become holes: a guest's terabyte of nothing takes no disk here.
class IncomingFile {
 public:
  // `directory` is open and outlives this; `name` is one component. Conflict when something other
  // than a file or a link has that name.
  static Result<IncomingFile> create(int directory, std::string name);

  IncomingFile(IncomingFile&& other) noexcept;
  IncomingFile& operator=(IncomingFile&&) = delete;
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;
  ~IncomingFile();

  Status write(std::string_view bytes);
  // `mode`: permission bits; set-id bits are dropped and the umask holds.
  Status commit(std::uint32_t mode);

 private:
  IncomingFile() = default;
  Status put(std::string_view bytes, std::uint64_t at);

  int directory_ = -1;
  std::string name_;
  std::string temporary_;  // empty: there is none (any more)
  sys::OwnedFd file_;
  std::uint64_t size_ = 0;
};

// A symbolic link with this text, in the same way.
Status putLink(int directory, const std::string& name, const std::string& text);

// True when a link in a directory `depth` levels below the copied tree's top may lead out of that
// tree: absolute, or more `..` than levels, or a `..` anywhere but at its beginning (it could climb
// through another link).
bool leadsOutside(std::string_view target, std::size_t depth);

}  // namespace ak::cli
