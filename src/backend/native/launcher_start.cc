// How LauncherClient finds a launcher, or starts one and learns what became of it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "backend/native/launcher_client.h"
#include "backend/spawn.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::backend {

// The launcher of an earlier daemon if it still listens, else a new one.
Result<sys::OwnedFd> LauncherClient::reach() {
  const std::string path = options_.runtime_directory + "/launcher.sock";
  auto socket = sys::connectUnix(path, sys::SocketKind::SeqPacket);
  if (socket || (socket.error().sys_errno != ENOENT && socket.error().sys_errno != ECONNREFUSED)) {
    return socket;
  }
  AK_TRY(startLauncher());
  return sys::connectUnix(path, sys::SocketKind::SeqPacket);
}

Status LauncherClient::startLauncher() {
  // Bound here and inherited: there is no instant in which it has started but does not listen.
  const std::string path = options_.runtime_directory + "/launcher.sock";
  const sys::OwnedFd listener = AK_TRY(sys::listenUnix(path, sys::SocketKind::SeqPacket));
  const sys::OwnedFd agent = AK_TRY(sys::openPath(options_.agent_program, O_RDONLY));
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    return failErrno("pipe");
  }
  report_ = sys::OwnedFd(pipe[0]);
  const sys::OwnedFd report(pipe[1]);
  SpawnRequest request;
  request.argv = {options_.launcher_program,
                  "--runtime",
                  options_.runtime_directory,
                  "--listen-fd",
                  "3",
                  "--agent-fd",
                  "4",
                  "--ready-fd",
                  "5"};
  request.descriptors = {listener.get(), agent.get(), report.get()};
  Spawned spawned = AK_TRY(spawnProgram(request));
  tasks_.spawn(reap(std::make_shared<net::AsyncFd>(executor_, std::move(spawned.process))));
  if (lost_before_) {
    ++restarts_;
  }
  options_.log->info("launcher", cat("started ak-launcher as process ", spawned.pid));
  return {};
}

// What a launcher that could not begin said about it: code, message and remedy, a line each.
Error LauncherClient::reasonOf(Error otherwise) {
  const auto text =
      report_.valid() ? sys::readAll(report_.get(), 4096) : Result<std::string>(std::string());
  report_.reset();
  const auto lines = split(text ? std::string_view(*text) : std::string_view(), '\n');
  if (lines.size() < 3 || lines[0] == "ready") {
    return otherwise;
  }
  return Error::make(errorCodeFromName(lines[0]), printable(lines[1]), printable(lines[2]));
}

// Our child for as long as we live: its exit status is taken so that no zombie stays.
net::Task<void> LauncherClient::reap(std::shared_ptr<net::AsyncFd> process) {
  co_await process->readable();
  const auto status = sys::waitPidFd(process->get());
  if (!status) {
    options_.log->error("launcher", status.error().message);
  } else if (*status != sys::ExitStatus{}) {
    options_.log->error(
        "launcher", cat("ak-launcher ended with code ", status->code, ", signal ", status->signal));
  }
}

}  // namespace ak::backend
