#include "backend/agent_socket.h"

#include <fcntl.h>

#include "sys/file.h"
#include "sys/unix_socket.h"

namespace ak::backend {

namespace {

std::string socketPath(const std::string& runtime_directory) {
  return runtime_directory + "/agent.sock";
}

}  // namespace

Result<sys::OwnedFd> listenForAgent(const std::string& runtime_directory) {
  (void)AK_TRY(sys::makePrivateDirectory(runtime_directory));
  return sys::listenUnix(socketPath(runtime_directory), sys::SocketKind::Stream);
}

Result<sys::OwnedFd> connectToAgent(const std::string& runtime_directory) {
  return sys::connectUnix(socketPath(runtime_directory), sys::SocketKind::Stream);
}

Status removeRuntimeDirectory(const std::string& runtime_directory) {
  const std::size_t slash = runtime_directory.rfind('/');
  if (slash == std::string::npos || slash + 1 == runtime_directory.size()) {
    return fail(ErrorCode::InvalidArgument, "runtime directory is not a path");
  }
  auto parent =
      sys::openAtIfExists(AT_FDCWD, runtime_directory.substr(0, slash), O_PATH | O_DIRECTORY);
  if (!parent) {
    return std::unexpected(std::move(parent).error());
  }
  if (!*parent) {
    return {};
  }
  return sys::removeTree((*parent)->get(), runtime_directory.substr(slash + 1));
}

}  // namespace ak::backend
