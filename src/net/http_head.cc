#include "net/http_head.h"

#include <algorithm>

#include "base/text.h"

namespace ak::net {
namespace {

using Refused = std::unexpected<HeadError>;

Refused refuse(int status, std::string message) {
  return Refused(HeadError{status, std::move(message)});
}

// RFC 9110 5.6.2.
bool isTokenByte(char c) {
  const auto u = static_cast<unsigned char>(c);
  if ((u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z')) {
    return true;
  }
  return u != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool isToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, isTokenByte);
}

// Field values: visible bytes, blank, tab and bytes above 0x7f (RFC 9110 5.5).
bool isValueByte(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == '\t' || (u >= 0x20 && u != 0x7f);
}

std::string_view trimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

enum class Plus : std::uint8_t { Literal, Blank };

Result<std::string> percentDecode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
      const int low = high >= 0 ? hexDigit(text[i + 2]) : -1;
      if (low < 0) {
        return fail(ErrorCode::InvalidArgument, "bad percent-encoding in the request target");
      }
      c = static_cast<char>(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus == Plus::Blank) {
      c = ' ';
    }
    if (c == '\0') {
      return fail(ErrorCode::InvalidArgument, "NUL in the request target");
    }
    out.push_back(c);
  }
  return out;
}

// Cuts one CRLF-ended line off; the caller has checked that the head ends with CRLF CRLF.
std::string_view takeLine(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

std::expected<void, HeadError> parseRequestLine(std::string_view line, HttpHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse(400, "malformed request line");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!isToken(method) || method.size() > 32) {
    return refuse(400, "malformed method");
  }
  if (version != "HTTP/1.1") {
    return version.starts_with("HTTP/") ? refuse(505, "only HTTP/1.1 is spoken here")
                                        : refuse(400, "malformed request line");
  }
  head.request.method = method;
  if (Status target = parseTarget(line.substr(first + 1, last - first - 1), head.request);
      !target) {
    return refuse(400, target.error().message);
  }
  return {};
}

std::expected<void, HeadError> parseHeaderLine(std::string_view line, HttpHead& head) {
  // A line that begins with a blank is obs-fold (RFC 9112 5.2).
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !isToken(line.substr(0, colon))) {
    return refuse(400, "malformed header line");
  }
  const std::string_view value = trimBlanks(line.substr(colon + 1));
  if (!std::ranges::all_of(value, isValueByte)) {
    return refuse(400, "control byte in a header");
  }
  if (head.request.headers.size() == kMaxHeaders) {
    return refuse(431, "too many headers");
  }
  head.request.headers.push_back({toLower(line.substr(0, colon)), std::string(value)});
  return {};
}

struct FramingHeaders {
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  std::string_view length;
  std::string_view coding;
};

std::expected<void, HeadError> decideFraming(const FramingHeaders& seen, HttpHead& head) {
  if (seen.hosts != 1) {
    return refuse(400, seen.hosts == 0 ? "missing Host header" : "more than one Host header");
  }
  if (seen.codings > 0) {
    // Exactly `chunked`: "xchunked", "chunked, identity" and the like mean something else to
    // every other reader.
    if (seen.codings != 1 || toLower(seen.coding) != "chunked") {
      return refuse(501, "Transfer-Encoding must be exactly: chunked");
    }
    if (seen.lengths > 0) {
      return refuse(400, "both Transfer-Encoding and Content-Length");
    }
    head.framing = BodyFraming::Chunked;
  } else if (seen.lengths > 0) {
    const bool digits =
        std::ranges::all_of(seen.length, [](char c) { return c >= '0' && c <= '9'; });
    const auto length = parseNumber<std::uint64_t>(seen.length);
    if (seen.lengths != 1 || !digits || !length) {
      return refuse(400, "malformed Content-Length");
    }
    head.content_length = *length;
    head.framing = *length == 0 ? BodyFraming::None : BodyFraming::Length;
  }
  return {};
}

std::expected<void, HeadError> interpretHeaders(HttpHead& head) {
  FramingHeaders seen;
  for (const HttpHeader& header : head.request.headers) {
    if (header.name == "host") {
      ++seen.hosts;
    } else if (header.name == "content-length") {
      ++seen.lengths;
      seen.length = header.value;
    } else if (header.name == "transfer-encoding") {
      ++seen.codings;
      seen.coding = header.value;
    } else if (header.name == "expect") {
      if (toLower(header.value) != "100-continue") {
        return refuse(417, "only 100-continue can be expected");
      }
      head.expects_continue = true;
    }
  }
  if (auto framing = decideFraming(seen, head); !framing) {
    return framing;
  }
  head.keep_alive = !head.request.headerHasToken("connection", "close");
  const std::string* upgrade = head.request.header("upgrade");
  if (upgrade != nullptr && head.request.headerHasToken("connection", "upgrade")) {
    head.upgrade = *upgrade;
  }
  return {};
}

}  // namespace

std::size_t findHeadEnd(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  return end == std::string_view::npos ? 0 : end + 4;
}

std::expected<HttpHead, HeadError> parseHead(std::string_view bytes) {
  HttpHead head;
  // Every LF must be part of a CRLF and every CR too: a bare one is a line end to some readers.
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool bare_cr = bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n');
    const bool bare_lf = bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r');
    if (bare_cr || bare_lf) {
      return refuse(400, "bare CR or LF in the request head");
    }
  }
  if (!bytes.ends_with("\r\n\r\n")) {
    return refuse(400, "incomplete request head");
  }
  std::string_view rest = bytes.substr(0, bytes.size() - 2);
  if (auto line = parseRequestLine(takeLine(rest), head); !line) {
    return std::unexpected(line.error());
  }
  while (!rest.empty()) {
    if (auto line = parseHeaderLine(takeLine(rest), head); !line) {
      return std::unexpected(line.error());
    }
  }
  if (auto meaning = interpretHeaders(head); !meaning) {
    return std::unexpected(meaning.error());
  }
  return head;
}

Status parseTarget(std::string_view target, HttpRequest& request) {
  if (target == "*" && request.method == "OPTIONS") {
    return {};
  }
  if (!target.starts_with('/')) {
    return fail(ErrorCode::InvalidArgument, "the request target must be a path");
  }
  for (char c : target) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u >= 0x7f || c == '#') {
      return fail(ErrorCode::InvalidArgument, "byte in the request target that must be encoded");
    }
  }
  const std::size_t mark = target.find('?');
  for (std::string_view segment : split(target.substr(0, mark), '/')) {
    if (!segment.empty()) {
      request.path.push_back(AK_TRY(percentDecode(segment, Plus::Literal)));
    }
  }
  if (mark == std::string_view::npos) {
    return {};
  }
  for (std::string_view pair : split(target.substr(mark + 1), '&')) {
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = pair.find('=');
    std::string key = AK_TRY(percentDecode(pair.substr(0, equals), Plus::Blank));
    std::string value;
    if (equals != std::string_view::npos) {
      value = AK_TRY(percentDecode(pair.substr(equals + 1), Plus::Blank));
    }
    request.query.emplace_back(std::move(key), std::move(value));
  }
  return {};
}

}  // namespace ak::net
