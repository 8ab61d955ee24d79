#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ak::client {

struct Response {
  int status = 0;
  // Names in lower case, in the order in which they came.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // Empty when absent.
  std::string_view header(std::string_view lower_case_name) const;
};

// Reads one HTTP/1.1 response (RFC 9112) out of a byte stream, however it is cut. The daemon is
// ours, yet what listens on a socket path may be anything: every length is bounded, and whatever
// leaves doubt about where the message ends (two lengths, folded lines) is Protocol, for good.
class ResponseParser {
 public:
  static constexpr std::size_t kMaxHead = 64 * 1024;

  explicit ResponseParser(std::size_t max_body) : max_body_(max_body) {}

  // True once the message is complete; bytes behind it stay in rest().
  Result<bool> feed(std::string_view bytes);
  // The peer has closed: complete only for a body that ends with the connection.
  Status finish();

  bool done() const { return phase_ == Phase::Done; }

  Response take() { return std::move(response_); }

  std::string_view rest() const { return buffer_; }

 private:
  enum class Phase : std::uint8_t { Head, Sized, ChunkSize, ChunkData, Trailer, UntilClose, Done };

  Result<bool> step();
  Result<bool> readHead();
  Status readHeader(std::string_view line);
  Status chooseBody();
  Result<bool> readSized();
  Result<bool> readChunkSize();
  Result<bool> readChunkData();
  Result<bool> readTrailer();
  // The next line without its CRLF; false when it is not complete yet.
  Result<bool> takeLine(std::string& line);

  std::size_t max_body_;
  Phase phase_ = Phase::Head;
  std::string buffer_;
  Response response_;
  std::uint64_t left_ = 0;  // of the sized body or of the current chunk
};

}  // namespace ak::client
