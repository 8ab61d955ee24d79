#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ak::net {

// Takes a chunked request body (RFC 9112 7.1) apart as it comes. Chunk extensions and trailers are
// read over and dropped, within a bound; sizes are at most 15 hex digits; lines end with CRLF
// alone.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::size_t body_limit) : body_limit_(body_limit) {}

  enum class State : std::uint8_t { NeedMore, Done, TooLarge, Malformed };
  // Consumes from the front of `bytes`; at Done what is left of it belongs to the next request.
  State feed(std::string_view& bytes);

  std::string takeBody() { return std::move(body_); }

  std::size_t size() const { return body_.size(); }

 private:
  enum class Part : std::uint8_t { Size, Data, DataEnd, Trailer };
  // Moves one line without its CRLF to line_; false: needs more bytes or (malformed_) never will.
  bool takeLine(std::string_view& bytes);
  State onLine();

  std::size_t body_limit_;
  Part part_ = Part::Size;
  std::string body_;
  std::string line_;
  bool line_done_ = false;
  bool malformed_ = false;
  std::size_t trailer_bytes_ = 0;
  std::uint64_t remaining_ = 0;
};

}  // namespace ak::net
