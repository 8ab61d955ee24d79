#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ak::net {

struct HttpHeader {
  std::string name;   // lower case
  std::string value;  // without surrounding blanks
  bool operator==(const HttpHeader&) const = default;
};

// Who is at the other end of a unix socket, as the kernel tells (SO_PEERCRED).
struct HttpPeer {
  int pid = 0;
  unsigned uid = 0;
  unsigned gid = 0;
};

// One request. Every byte of it is the client's; what the parser let through is well-formed
// HTTP/1.1 and nothing more.
struct HttpRequest {
  std::string method;
  // The target's path cut at '/', each segment percent-decoded once, empty segments dropped: a
  // decoded segment may contain '/', never NUL.
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::vector<HttpHeader> headers;
  std::string body;
  std::optional<HttpPeer> peer;  // unix sockets only

  // The first header of that (lower-case) name; null when there is none.
  const std::string* header(std::string_view name) const;
  // The first query value of that name.
  const std::string* queryValue(std::string_view name) const;
  // True when the comma-separated list header `name` has `token` (case-insensitive).
  bool headerHasToken(std::string_view name, std::string_view token) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<HttpHeader> headers;  // beyond Content-Type, Content-Length and Connection
  std::string body;
};

std::string_view httpReason(int status);

}  // namespace ak::net
