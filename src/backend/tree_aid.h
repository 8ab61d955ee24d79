#pragma once

#include <optional>
#include <string>

#include "model/tree_codec.h"
#include "sys/owned_fd.h"

namespace ak::backend {

// Opens and removes what is beneath a directory where we may not but the sandbox's own user
// namespace may: files of subordinate ids. A process of ak-launcher, started at the first call and
// ended with this object. Blocking; one thread at a time. The functions are those of
// os/guest_tree.h.
class TreeAid {
 public:
  // `top` is borrowed for as long as this lives.
  TreeAid(std::string launcher_program, int top);
  ~TreeAid();
  TreeAid(const TreeAid&) = delete;
  TreeAid& operator=(const TreeAid&) = delete;

  Result<std::optional<sys::OwnedFd>> handle(const std::string& path);
  Result<sys::OwnedFd> directory(const std::string& path);
  Result<sys::OwnedFd> file(const std::string& path);
  Result<bool> isOpaque(const std::string& path);
  Status remove(const std::string& path);

 private:
  struct Answer {
    bool found = false;
    sys::OwnedFd fd;
    std::optional<Error> error;
  };

  Status start();
  Result<Answer> exchange(const model::TreeRequest& request);
  Result<Answer> ask(model::TreeRequest::Op op, const std::string& path);
  Result<sys::OwnedFd> open(model::TreeRequest::Op op, const std::string& path);

  std::string launcher_program_;
  int top_;
  sys::OwnedFd socket_;
  sys::OwnedFd process_;
};

}  // namespace ak::backend
