#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "api/output_text.h"
#include "manager/manager.h"
#include "model/stream_frame.h"
#include "net/http_handler.h"

// Where a command's output goes, per transport.
namespace ak::api {

// POST /run and exec without an upgrade: both streams together in the order of arrival, at most
// kMaxOutput bytes. More is refused (the command is ended and overflowed() is true): the streaming
// routes have no such bound.
class BufferSink final : public manager::ExecSink {
 public:
  static constexpr std::size_t kMaxOutput = 16 * 1024 * 1024;

  explicit BufferSink(net::HttpExchange& exchange) : exchange_(exchange) {}

  net::Task<Status> started(const Started& started) override;
  net::Task<Status> standardOutput(std::string_view data) override;
  net::Task<Status> standardError(std::string_view data) override;
  net::Task<Input> nextInput() override;

  const std::string& output() const { return output_; }

  bool overflowed() const { return overflowed_; }

 private:
  net::HttpExchange& exchange_;
  std::string output_;
  bool overflowed_ = false;
};

// POST /run/stream: one server-sent event per piece of output.
class EventSink final : public manager::ExecSink {
 public:
  explicit EventSink(net::HttpExchange& exchange) : exchange_(exchange) {}

  net::Task<Status> event(std::string_view name, const nlohmann::json& data, net::Flush flush);

  net::Task<Status> started(const Started& started) override;
  net::Task<Status> standardOutput(std::string_view data) override;
  net::Task<Status> standardError(std::string_view data) override;
  net::Task<Input> nextInput() override;
  // A last `error` event without waiting: for a handler that is being cancelled.
  void leave(const Error& why);
  // What was held back of unfinished characters.
  net::Task<Status> endOutput();

 private:
  net::Task<Status> output(TextPieces& pieces, std::string_view stream);

  net::HttpExchange& exchange_;
  TextPieces out_;
  TextPieces err_;
};

// The upgraded stream: frames both ways (model/stream_frame.h).
class FrameSink final : public manager::ExecSink {
 public:
  explicit FrameSink(net::HttpExchange& exchange) : exchange_(exchange) {}

  net::Task<Status> started(const Started& started) override;
  net::Task<Status> standardOutput(std::string_view data) override;
  net::Task<Status> standardError(std::string_view data) override;
  net::Task<Input> nextInput() override;

  // Exit or Failed: the last frame, after which the stream ends.
  net::Task<Status> end(model::StreamKind kind, const nlohmann::json& payload);
  // A last Failed frame without waiting: for a handler that is being cancelled.
  void leave(const Error& why);

 private:
  net::Task<Status> send(model::StreamKind kind, std::string_view data, net::Flush flush);

  net::HttpExchange& exchange_;
  model::StreamDecoder decoder_;
  bool closed_ = false;
};

}  // namespace ak::api
