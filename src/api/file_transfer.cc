#include "api/file_transfer.h"

#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/file_json.h"
#include "api/reply.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "base/text.h"
#include "model/base64.h"
#include "model/run_request_json.h"

namespace ak::api {

using manager::Transfer;
using net::Task;
using nlohmann::json;

namespace {

constexpr std::string_view kRaw = "application/octet-stream";
constexpr std::size_t kMaxJson = kLargeBody;

Error daemonEnds() {
  return Error::make(ErrorCode::Unavailable, "the daemon is ending",
                     "Copy it again; the daemon starts by itself.");
}

// The whole content, for JSON.
class BufferedFile final : public manager::FileSink {
 public:
  Task<Status> opened(const wire::FileInfo& info) override {
    if (info.size > kMaxJson) {
      co_return fail(ErrorCode::TooLarge,
                     cat("the file has ", info.size, " bytes, and JSON takes at most ", kMaxJson),
                     "Send 'Accept: application/octet-stream' for files of any size, or use: "
                     "agentkernel cp");
    }
    co_return Status();
  }

  Task<Status> data(std::string_view piece) override {
    content_ += piece;
    co_return Status();
  }

  const std::string& content() const { return content_; }

 private:
  std::string content_;
};

class RawFile final : public manager::FileSink {
 public:
  explicit RawFile(net::HttpExchange& exchange) : exchange_(exchange) {}

  Task<Status> opened(const wire::FileInfo&) override {
    exchange_.beginStream(kRaw);
    co_return Status();
  }

  Task<Status> data(std::string_view piece) override {
    return exchange_.write(piece, net::Flush::Soon);
  }

 private:
  net::HttpExchange& exchange_;
};

class FramedFile final : public manager::FileSink {
 public:
  FramedFile(net::HttpExchange& exchange, FrameSink& frames)
      : exchange_(exchange), frames_(frames) {}

  Task<Status> opened(const wire::FileInfo&) override {
    exchange_.upgrade(kProtocol);
    co_return Status();
  }

  Task<Status> data(std::string_view piece) override { return frames_.standardOutput(piece); }

 private:
  net::HttpExchange& exchange_;
  FrameSink& frames_;
};

Task<void> refuse(Call& call, const Error& error) {
  (void)co_await call.exchange.respond(failure(error));
}

Task<void> sendJson(Call& call, const std::string& path) {
  BufferedFile file;
  const auto read = co_await call.manager.files().read(call.params[0], path, file);
  if (!read) {
    co_return co_await refuse(call, read.error());
  }
  const bool text = isUtf8(file.content());
  const json body = {{"content", text ? file.content() : model::toBase64(file.content())},
                     {"encoding", text ? "utf8" : "base64"},
                     {"size", read->digest.size},
                     {"sha256", read->digest.sha256}};
  (void)co_await call.exchange.respond(success(body));
}

Task<void> sendRaw(Call& call, const std::string& path) {
  RawFile file(call.exchange);
  const auto read = co_await call.manager.files().read(call.params[0], path, file);
  if (read) {
    (void)co_await call.exchange.finish();
  } else if (call.exchange.status() == 0) {
    co_await refuse(call, read.error());
  }
}

// The last frame of either direction. A client that is gone cannot be told how it ended.
Task<void> endFrames(FrameSink& frames, const Result<Transfer>& result, const std::string& path) {
  const json last = result ? toJson(*result, path) : model::toJson(result.error());
  (void)co_await frames.end(result ? model::StreamKind::Exit : model::StreamKind::Failed, last);
}

Task<void> sendFrames(Call& call, const std::string& path) {
  FrameSink frames(call.exchange);
  FramedFile file(call.exchange, frames);
  try {
    const auto read = co_await call.manager.files().read(call.params[0], path, file);
    if (!read && call.exchange.status() == 0) {
      co_return co_await refuse(call, read.error());
    }
    co_await endFrames(frames, read, path);
  } catch (const boost::system::system_error&) {
    if (call.exchange.status() != 0) {
      frames.leave(daemonEnds());
    }
    throw;
  }
}

// The next piece that the client sends.
Task<Result<std::optional<std::string>>> nextPiece(FrameSink& frames) {
  using Kind = manager::ExecSink::Input::Kind;
  for (;;) {
    manager::ExecSink::Input input = co_await frames.nextInput();
    switch (input.kind) {
      case Kind::Stdin:
        co_return std::move(input.data);
      case Kind::StdinEnd:
        co_return std::nullopt;
      case Kind::Closed:
        co_return fail(ErrorCode::Cancelled, "the client left before the end of the file");
      case Kind::Resize:
      case Kind::Signal:
        break;
    }
  }
}

}  // namespace

bool isOctetStream(const std::string* header) {
  return header != nullptr && toLower(*header).contains(kRaw);
}

manager::FileSource wholeContent(std::string content) {
  return [content = std::move(content),
          given = false]() mutable -> Task<Result<std::optional<std::string>>> {
    if (std::exchange(given, true)) {
      co_return std::nullopt;
    }
    co_return std::move(content);
  };
}

Task<void> sendContent(Call& call, const std::string& path) {
  if (wantsUpgrade(call.request())) {
    return sendFrames(call, path);
  }
  return isOctetStream(call.request().header("accept")) ? sendRaw(call, path)
                                                        : sendJson(call, path);
}

Task<void> takeContent(Call& call, manager::FileTarget target) {
  FrameSink frames(call.exchange);
  const std::string path = target.path;
  // Asked for the first piece, the sandbox and the path are known to be good.
  manager::FileSource source = [&call, &frames]() {
    if (call.exchange.status() == 0) {
      call.exchange.upgrade(kProtocol);
      // Queued by the call itself: a client may wait for the 101, and no bytes of ours follow it.
      (void)call.exchange.write({}, net::Flush::Soon);
    }
    return nextPiece(frames);
  };
  try {
    const auto written =
        co_await call.manager.files().write(call.params[0], std::move(target), std::move(source));
    if (!written && call.exchange.status() == 0) {
      co_return co_await refuse(call, written.error());
    }
    co_await endFrames(frames, written, path);
  } catch (const boost::system::system_error&) {
    if (call.exchange.status() != 0) {
      frames.leave(daemonEnds());
    }
    throw;
  }
}

}  // namespace ak::api
