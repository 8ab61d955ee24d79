#include "client/own_directory.h"

#include "sys/file.h"

namespace ak::client {

Result<sys::OwnedFd> makeOwnDirectory(const std::string& path, std::string_view remedy) {
  auto directory = sys::makePrivateDirectory(path);
  if (!directory && directory.error().remedy.empty()) {
    directory.error().remedy = remedy;
  }
  return directory;
}

}  // namespace ak::client
