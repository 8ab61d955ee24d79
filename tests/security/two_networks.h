#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sys/owned_fd.h"

// For tests: this thread in a network namespace of its own, joined by a veth pair to a second one
// in which a server listens. Nothing leaves the machine, and all goes with the threads.
namespace ak::security {

inline void command(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  pid_t pid = -1;
  int status = -1;
  if (::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0 ||
      ::waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error("failed: " + words[0] + " " + words[1] + " " + words[2]);
  }
}

// Answers every connection with its own name, until it is destroyed.
class Greeter {
 public:
  Greeter(const std::string& address, std::uint16_t port, std::string greeting)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    socklen_t size = sizeof place;
    if (::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1 ||
        ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&place), sizeof place) != 0 ||
        ::listen(socket_.get(), 16) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&place), &size) != 0) {
      throw std::runtime_error("listening on " + address);
    }
    port_ = ntohs(place.sin_port);
    thread_ = std::thread([this, greeting = std::move(greeting)] {
      for (;;) {
        const sys::OwnedFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer.valid()) {
          return;
        }
        ++served_;
        (void)!::send(peer.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
      }
    });
  }

  ~Greeter() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  Greeter(const Greeter&) = delete;
  Greeter& operator=(const Greeter&) = delete;

  std::uint16_t port() const { return port_; }

  int served() const { return served_; }

 private:
  sys::OwnedFd socket_;
  std::uint16_t port_ = 0;
  std::atomic<int> served_ = 0;
  std::thread thread_;
};

class TwoNetworks {
 public:
  static constexpr const char* kHost = "10.77.0.2";            // ours, with the default route
  static constexpr const char* kOther = "10.78.0.2";           // ours, on another interface
  static constexpr const char* kServer = "10.77.0.1";          // theirs
  static constexpr const char* kMetadata = "169.254.169.254";  // theirs too

  TwoNetworks() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (!before_.valid() || ::unshare(CLONE_NEWNET) != 0) {
      throw std::runtime_error("unshare");
    }
    std::promise<pid_t> ready;
    thread_ = std::thread([this, &ready] { serve(ready); });
    const std::string there = std::to_string(ready.get_future().get());
    command({"ip", "link", "set", "lo", "up"});
    command({"ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", there});
    command({"ip", "addr", "add", std::string(kHost) + "/24", "dev", "up0"});
    command({"ip", "link", "set", "up0", "up"});
    command({"ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"});
    command({"ip", "addr", "add", std::string(kOther) + "/24", "dev", "other0"});
    command({"ip", "link", "set", "other0", "up"});
    command({"ip", "route", "add", "default", "via", kServer});
    linked_.set_value();
    serving_.get_future().get();
  }

  ~TwoNetworks() {
    end_.set_value();
    thread_.join();
    (void)::setns(before_.get(), CLONE_NEWNET);
  }

  TwoNetworks(const TwoNetworks&) = delete;
  TwoNetworks& operator=(const TwoNetworks&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void serve(std::promise<pid_t>& ready) {
    try {
      if (::unshare(CLONE_NEWNET) != 0) {
        throw std::runtime_error("unshare");
      }
      ready.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
    } catch (...) {
      ready.set_exception(std::current_exception());
      return;
    }
    linked_.get_future().get();
    try {
      command({"ip", "addr", "add", std::string(kServer) + "/24", "dev", "down0"});
      command({"ip", "addr", "add", std::string(kMetadata) + "/32", "dev", "down0"});
      command({"ip", "link", "set", "down0", "up"});
      command({"ip", "link", "set", "lo", "up"});
      const Greeter greeter("0.0.0.0", 0, "server\n");
      port_ = greeter.port();
      serving_.set_value();
      end_.get_future().get();
    } catch (...) {
      serving_.set_exception(std::current_exception());
    }
  }

  sys::OwnedFd before_;
  std::promise<void> linked_;
  std::promise<void> serving_;
  std::promise<void> end_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace ak::security
