#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/sinks.h"
#include "model/run_request_json.h"

namespace ak::api {

using model::StreamFrame;
using model::StreamKind;

namespace {

std::uint16_t littleEndian16(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) |
                                    static_cast<unsigned char>(bytes[1]) << 8U);
}

// What a client may send; nothing for what only the server sends or a payload of the wrong size.
std::optional<manager::ExecSink::Input> toInput(StreamFrame frame) {
  using Input = manager::ExecSink::Input;
  Input input;
  switch (frame.kind) {
    case StreamKind::Stdin:
      input.kind = Input::Kind::Stdin;
      input.data = std::move(frame.payload);
      return input;
    case StreamKind::StdinEnd:
      input.kind = Input::Kind::StdinEnd;
      return input;
    case StreamKind::Resize:
      if (frame.payload.size() != 4) {
        return std::nullopt;
      }
      input.kind = Input::Kind::Resize;
      input.window.rows = littleEndian16(frame.payload);
      input.window.columns = littleEndian16(std::string_view(frame.payload).substr(2));
      return input;
    case StreamKind::Signal: {
      const int signal = frame.payload.size() == 1 ? frame.payload[0] : 0;
      if (signal < 1 || signal > 64) {
        return std::nullopt;
      }
      input.kind = Input::Kind::Signal;
      input.signal = signal;
      return input;
    }
    case StreamKind::Stdout:
    case StreamKind::Stderr:
    case StreamKind::Started:
    case StreamKind::Exit:
    case StreamKind::Failed:
      break;
  }
  return std::nullopt;
}

}  // namespace

net::Task<Status> FrameSink::send(StreamKind kind, std::string_view data, net::Flush flush) {
  std::string frames;
  do {
    const std::string_view piece = data.substr(0, model::kStreamMaxPayload);
    model::appendStreamFrame(frames, kind, piece);
    data.remove_prefix(piece.size());
  } while (!data.empty());
  return exchange_.write(frames, flush);
}

net::Task<Status> FrameSink::started(const Started& started) {
  nlohmann::json data = {{"sandbox", started.sandbox},   {"uuid", started.uuid},
                         {"image", started.image},       {"hints", started.hints},
                         {"warnings", started.warnings}, {"from_pool", started.from_pool}};
  if (!started.session.empty()) {
    data["session"] = started.session;
  }
  // Worth waiting for: a short command's output or exit follows at once, and then all leaves in one
  // write and wakes the client once.
  return send(StreamKind::Started, dump(data), net::Flush::Later);
}

net::Task<Status> FrameSink::standardOutput(std::string_view data) {
  return send(StreamKind::Stdout, data, net::Flush::Soon);
}

net::Task<Status> FrameSink::standardError(std::string_view data) {
  return send(StreamKind::Stderr, data, net::Flush::Soon);
}

net::Task<manager::ExecSink::Input> FrameSink::nextInput() {
  while (!closed_) {
    StreamFrame frame;
    const Result<bool> ready = decoder_.next(frame);
    if (ready && *ready) {
      if (auto input = toInput(std::move(frame))) {
        co_return *std::move(input);
      }
    }
    if (!ready || *ready) {
      break;  // not our protocol: such a client has left
    }
    const std::string bytes = co_await exchange_.read();
    if (bytes.empty()) {
      break;
    }
    decoder_.feed(bytes);
  }
  closed_ = true;
  co_return Input{};
}

void FrameSink::leave(const Error& why) {
  // Queued by the call itself; nobody waits for the rest.
  (void)send(StreamKind::Failed, dump(model::toJson(why)), net::Flush::Soon);
}

net::Task<Status> FrameSink::end(StreamKind kind, const nlohmann::json& payload) {
  // A list of changes may be longer than a frame: then the client asks for it by name.
  std::string text = dump(payload);
  if (text.size() > model::kStreamMaxPayload) {
    nlohmann::json shorter = payload;
    shorter.erase("changes");
    shorter["changes_omitted"] = true;
    text = dump(shorter);
  }
  if (Status sent = co_await send(kind, text, net::Flush::Later); !sent) {
    co_return sent;
  }
  co_return co_await exchange_.finish();
}

}  // namespace ak::api
