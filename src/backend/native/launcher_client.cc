#include "backend/native/launcher_client.h"

#include "base/text.h"
#include "net/loop.h"
#include "net/timeout.h"
#include "sys/unix_socket.h"

namespace ak::backend {

namespace {

constexpr std::chrono::milliseconds kFirstPause{2};
constexpr std::chrono::milliseconds kLongestPause{500};

}  // namespace

struct LauncherClient::Pending {
  explicit Pending(net::Executor executor) : answered(executor) {}

  net::Event answered;
  std::optional<Result<Answer>> result;
};

struct LauncherClient::Connection {
  Connection(net::Executor executor, sys::OwnedFd socket) : fd(executor, std::move(socket)) {}

  net::AsyncFd fd;
  std::unordered_map<std::uint64_t, Pending*> pending;  // owned by the waiting call
  model::LauncherReply hello;
  bool dead = false;
};

LauncherClient::LauncherClient(net::Executor executor, const NativeOptions& options)
    : executor_(executor), options_(options), tasks_(executor), connected_(executor) {}

LauncherClient::~LauncherClient() = default;

net::Task<Result<LauncherClient::Answer>> LauncherClient::call(model::LauncherRequest request,
                                                               std::vector<int> fds) {
  auto found = co_await connection();
  auto connection = AK_CO_TRY(std::move(found));
  co_return co_await net::withTimeout(
      callOn(std::move(connection), std::move(request), std::move(fds)), options_.start_limit,
      "ak-launcher");
}

net::Task<Result<model::LauncherReply>> LauncherClient::hello() {
  auto found = co_await connection();
  const auto connection = AK_CO_TRY(std::move(found));
  co_return connection->hello;
}

net::Task<Result<LauncherClient::Answer>> LauncherClient::callOn(
    std::shared_ptr<Connection> connection, model::LauncherRequest request, std::vector<int> fds) {
  struct Registered {  // also gone when the caller is cancelled or out of patience
    Connection& connection;
    std::uint64_t serial;
    Pending pending;

    ~Registered() { connection.pending.erase(serial); }
  };

  request.serial = next_serial_++;
  Registered own{*connection, request.serial, Pending(executor_)};
  connection->pending[request.serial] = &own.pending;
  const std::string packet = model::encode(request);
  for (;;) {
    if (connection->dead) {
      co_return fail(ErrorCode::Unavailable, "ak-launcher has ended");
    }
    const Status sent = sys::sendPacket(connection->fd.get(), packet, fds);
    if (sent) {
      break;
    }
    if (sent.error().sys_errno != EAGAIN) {
      co_return std::unexpected(sent.error());
    }
    co_await connection->fd.writable();
  }
  while (!own.pending.result) {
    co_await own.pending.answered.wait();
  }
  co_return *std::move(own.pending.result);
}

net::Task<Result<std::shared_ptr<LauncherClient::Connection>>> LauncherClient::connection() {
  while (connecting_) {
    co_await connected_.wait();
  }
  if (connection_ != nullptr) {
    co_return connection_;
  }
  if (closing_) {
    co_return fail(ErrorCode::Cancelled, "the daemon is ending");
  }
  connecting_ = true;

  struct Done {  // also when cancelled
    LauncherClient& client;

    ~Done() {
      client.connecting_ = false;
      client.connected_.notifyAll();
    }
  } const done{*this};

  // A launcher that is being killed closes our connection before its listener: until the kernel has
  // closed both, a new connection is taken and then reset. Nobody but us would try again.
  for (auto pause = kFirstPause;; pause *= 2) {
    auto made = co_await connect();
    if (made || made.error().code != ErrorCode::Unavailable || pause > kLongestPause) {
      co_return made;
    }
    co_await net::sleepFor(pause);
  }
}

net::Task<Result<std::shared_ptr<LauncherClient::Connection>>> LauncherClient::connect() {
  sys::OwnedFd socket = AK_CO_TRY(reach());
  AK_CO_TRY(net::setNonBlocking(socket.get()));
  auto connection = std::make_shared<Connection>(executor_, std::move(socket));
  tasks_.spawn(readLoop(connection));
  model::LauncherRequest request;
  request.op = model::LauncherOp::Hello;
  request.version = model::kLauncherVersion;
  auto answer = co_await net::withTimeout(callOn(connection, std::move(request), {}),
                                          options_.start_limit, "ak-launcher");
  if (!answer) {
    connection->fd.close();
    connection->dead = true;
    co_return std::unexpected(reasonOf(std::move(answer).error()).context("starting ak-launcher"));
  }
  if (answer->reply.version != model::kLauncherVersion) {
    connection->fd.close();
    connection->dead = true;
    co_return fail(ErrorCode::Unsupported,
                   cat("the running ak-launcher speaks version ", answer->reply.version),
                   "Stop all sandboxes, so that it ends, and try again.");
  }
  connection->hello = std::move(answer->reply);
  connection_ = connection;
  co_return connection;
}

std::int32_t LauncherClient::pid() const {
  return connection_ != nullptr ? connection_->hello.launcher_pid : 0;
}

model::IdRange LauncherClient::idsOr(const model::IdRange& asked) const {
  return connection_ != nullptr && connection_->hello.ids.count != 0 ? connection_->hello.ids
                                                                     : asked;
}

net::Task<void> LauncherClient::readLoop(std::shared_ptr<Connection> connection) {
  while (!connection->dead) {
    co_await connection->fd.readable();
    auto packet = sys::receivePacket(connection->fd.get());
    if (!packet && packet.error().sys_errno == EAGAIN) {
      continue;
    }
    if (!packet || packet->closed) {
      lost(connection,
           packet ? Error::make(ErrorCode::Unavailable, "ak-launcher has ended") : packet.error());
      co_return;
    }
    auto reply = model::decodeLauncherReply(packet->data);
    if (!reply) {
      lost(connection, reply.error());
      co_return;
    }
    handle(*connection, *std::move(reply), std::move(packet->fds));
  }
}

void LauncherClient::handle(Connection& connection,
                            model::LauncherReply reply,
                            std::vector<sys::OwnedFd> fds) {
  if (reply.op == model::LauncherOp::Exited) {
    if (on_exited_) {
      on_exited_(reply.exited);
    }
    return;
  }
  const auto found = connection.pending.find(reply.serial);
  if (found == connection.pending.end()) {
    return;  // the caller has given up meanwhile
  }
  if (reply.op == model::LauncherOp::Failed) {
    found->second->result = std::unexpected(std::move(reply.error));
  } else {
    found->second->result = Answer{std::move(reply), std::move(fds)};
  }
  found->second->answered.notifyAll();
}

void LauncherClient::lost(const std::shared_ptr<Connection>& connection, const Error& why) {
  connection->dead = true;
  connection->fd.close();
  for (auto& [serial, pending] : connection->pending) {
    pending->result = std::unexpected(why);
    pending->answered.notifyAll();
  }
  if (connection_ != connection) {
    return;  // never came to Hello: connect() reports it
  }
  connection_ = nullptr;
  lost_before_ = true;
  options_.log->error("launcher", cat("lost ak-launcher: ", why.message,
                                      "; sandboxes live on, starting another one"));
  if (on_lost_) {
    on_lost_();
  }
  tasks_.spawn(restart());
}

net::Task<void> LauncherClient::restart() {
  const auto again = co_await connection();
  if (!again) {
    options_.log->error("launcher", again.error().message);
  }
}

net::Task<void> LauncherClient::close() {
  closing_ = true;
  tasks_.cancel();
  co_await tasks_.join();
  connection_ = nullptr;
}

}  // namespace ak::backend
