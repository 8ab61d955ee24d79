// For tests: stands in for agentkerneld. Takes the state directory's lock as the daemon does, notes
// each start, answers every run with one line of output, and ends when asked. What it does at start
// is told by a file in the state directory, since the environment of a daemon is filtered.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "base/text.h"
#include "client/testing/scripted_server.h"
#include "sys/file.h"

namespace {

using ak::client::testing::Peer;
using ak::model::StreamKind;

std::string readRequest(int fd) {
  std::string text;
  char buffer[4096];
  // Requests of the tests come in one piece; their bodies do not matter here.
  while (!text.contains("\r\n\r\n")) {
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0) {
      break;
    }
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

void answer(const Peer& peer) {
  if (peer.request().starts_with("POST /run ")) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"fake","hints":[]})");
    peer.frame(StreamKind::Stdout, "hello\n");
    peer.frame(StreamKind::Exit, R"({"exit_code":0})");
  } else {
    peer.answer(R"({"success":true,"data":{"version":"0"}})");
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) {
    options[argv[i]] = argv[i + 1];
  }
  const int ready = std::stoi(options["--ready-fd"]);
  const std::string& state = options["--state-dir"];
  const auto say = [&](std::string_view text) {
    [[maybe_unused]] const ssize_t written = ::write(ready, text.data(), text.size());
  };

  const std::string mode = ak::sys::readFile(state + "/mode", 100).value_or("");
  if (mode == "fail") {
    say("the state is from the future\nsecond line");
    return 1;
  }
  if (mode == "silent") {
    return 3;
  }

  const int lock = ::open((state + "/daemon.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    say("another daemon holds the state directory");
    return 1;
  }
  const int starts =
      ::open((state + "/starts").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string path = options["--runtime-dir"] + "/daemon.sock";
  const auto listener = ak::sys::listenUnix(path, ak::sys::SocketKind::Stream);
  if (::write(starts, "x", 1) != 1 || ::ftruncate(lock, 0) != 0 || !listener ||
      !ak::sys::writeAll(lock, path + "\n")) {
    say("cannot set up");
    return 1;
  }
  say("!");
  ::close(ready);
  ::fcntl(listener->get(), F_SETFL, 0);
  for (;;) {
    const ak::sys::OwnedFd socket(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) {
      continue;
    }
    const Peer peer(socket.get(), readRequest(socket.get()));
    answer(peer);
    if (peer.request().starts_with("POST /daemon/stop ")) {
      return 0;
    }
    // Closing with unread bytes would take the answer away from the client.
    ::shutdown(socket.get(), SHUT_WR);
    char rest[4096];
    while (::recv(socket.get(), rest, sizeof rest, 0) > 0) {
    }
  }
}
