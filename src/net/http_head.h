#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

// The strict reading of an HTTP/1.1 request head (RFC 9110, RFC 9112). Whatever two readers could
// understand differently is refused, since such differences are what request smuggling is made of:
// any Transfer-Encoding but exactly `chunked`, Transfer-Encoding beside Content-Length, more than
// one Content-Length, obs-fold, blanks before the colon, bare LF, a missing or repeated Host.
namespace ak::net {

inline constexpr std::size_t kMaxHead = 16 * 1024;
inline constexpr std::size_t kMaxHeaders = 100;

enum class BodyFraming : std::uint8_t { None, Length, Chunked };

struct HttpHead {
  HttpRequest request;
  BodyFraming framing = BodyFraming::None;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
  std::string upgrade;  // the protocol asked for, when `Connection: upgrade` is there as well
};

// Length of the head at the start of `bytes` with its blank line; 0 while it is not complete.
std::size_t findHeadEnd(std::string_view bytes);

// How a head was refused: the status to answer before closing.
struct HeadError {
  int status = 400;
  std::string message;
};

// `head` is what findHeadEnd measured.
std::expected<HttpHead, HeadError> parseHead(std::string_view head);

// Origin-form target: path and query into `request`. Bad percent-encoding, NUL (plain or encoded),
// control bytes, a fragment and any other target form are refused.
Status parseTarget(std::string_view target, HttpRequest& request);

}  // namespace ak::net
