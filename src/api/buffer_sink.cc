#include "api/sinks.h"

namespace ak::api {

net::Task<Status> BufferSink::started(const Started&) {
  co_return Status{};
}

net::Task<Status> BufferSink::standardOutput(std::string_view data) {
  if (overflowed_ || data.size() > kMaxOutput - output_.size()) {
    overflowed_ = true;
    co_return fail(ErrorCode::TooLarge, "the command printed more than 16 MiB",
                   "Use POST /run/stream or the upgraded stream for output of any size.");
  }
  output_.append(data);
  co_return Status{};
}

net::Task<Status> BufferSink::standardError(std::string_view data) {
  return standardOutput(data);
}

net::Task<manager::ExecSink::Input> BufferSink::nextInput() {
  co_await exchange_.gone();
  co_return Input{};
}

}  // namespace ak::api
