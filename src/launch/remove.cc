#include "launch/remove.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::launch {

Status removeDirectory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash == 0) {
    return fail(ErrorCode::InvalidArgument, cat("not an absolute path: ", printable(path)));
  }
  const sys::OwnedFd parent =
      AK_TRY(sys::openPath(path.substr(0, slash), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::geteuid() != 0) {
    (void)AK_TRY(os::enterUserNamespace());
  }
  return sys::removeTree(parent.get(), path.substr(slash + 1));
}

}  // namespace ak::launch
