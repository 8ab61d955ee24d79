#include "client/http_response.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace ak::client {

namespace {

constexpr std::size_t kMaxLine = 8 * 1024;
constexpr std::size_t kMaxHeaders = 100;

std::unexpected<Error> malformed(std::string_view why) {
  return fail(
      ErrorCode::Protocol, cat("the answer on the daemon's socket is not HTTP/1.1: ", why),
      "Make sure that no other program listens there; then run: agentkernel daemon restart");
}

bool isTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

}  // namespace

std::string_view Response::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) {
      return value;
    }
  }
  return {};
}

Result<bool> ResponseParser::feed(std::string_view bytes) {
  buffer_ += bytes;
  while (phase_ != Phase::Done) {
    if (!AK_TRY(step())) {
      return false;
    }
  }
  return true;
}

Status ResponseParser::finish() {
  if (phase_ == Phase::UntilClose) {
    phase_ = Phase::Done;
  }
  if (phase_ != Phase::Done) {
    return fail(ErrorCode::Unavailable,
                "the daemon closed the connection in the middle of an answer",
                "See what happened with: agentkernel daemon logs");
  }
  return {};
}

// One step of the current phase; false: needs more bytes.
Result<bool> ResponseParser::step() {
  switch (phase_) {
    case Phase::Head:
      return readHead();
    case Phase::Sized:
      return readSized();
    case Phase::ChunkSize:
      return readChunkSize();
    case Phase::ChunkData:
      return readChunkData();
    case Phase::Trailer:
      return readTrailer();
    case Phase::UntilClose:
      if (response_.body.size() + buffer_.size() > max_body_) {
        return malformed("body too long");
      }
      response_.body += buffer_;
      buffer_.clear();
      return false;
    case Phase::Done:
      break;
  }
  return true;
}

Result<bool> ResponseParser::readHead() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > kMaxHead) {
      return malformed("head too long");
    }
    return false;
  }
  if (end > kMaxHead) {
    return malformed("head too long");
  }
  const std::string head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  const std::vector<std::string_view> lines = split(head, '\n');
  const auto without_return = [](std::string_view line) {
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  };
  const std::string_view first = without_return(lines.front());
  // "HTTP/1.1 200 OK", "HTTP/1.1 200"
  const auto status =
      first.size() >= 12 ? parseNumber<unsigned>(first.substr(9, 3)) : std::optional<unsigned>();
  if (!status || !first.starts_with("HTTP/1.") || first[8] != ' ' || *status < 100 ||
      (first.size() > 12 && first[12] != ' ')) {
    return malformed("bad status line");
  }
  response_ = Response{.status = static_cast<int>(*status)};
  if (lines.size() - 1 > kMaxHeaders) {
    return malformed("too many headers");
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    AK_TRY(readHeader(without_return(lines[i])));
  }
  if (response_.status == 100) {
    response_ = {};
    return true;  // "Continue": the real answer follows
  }
  AK_TRY(chooseBody());
  return true;
}

Status ResponseParser::readHeader(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      !std::ranges::all_of(line.substr(0, colon), isTokenChar)) {
    return malformed("bad header line");
  }
  response_.headers.emplace_back(toLower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return {};
}

Status ResponseParser::chooseBody() {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  for (const auto& [name, value] : response_.headers) {
    if (name == "content-length") {
      const auto number = parseNumber<std::uint64_t>(value);
      if (!number || length) {
        return malformed("bad Content-Length");
      }
      length = number;
    } else if (name == "transfer-encoding") {
      if (toLower(value) != "chunked" || chunked) {
        return malformed("unknown Transfer-Encoding");
      }
      chunked = true;
    }
  }
  if (length && chunked) {
    return malformed("two lengths");
  }
  if (response_.status == 101 || response_.status == 204 || response_.status == 304) {
    phase_ = Phase::Done;
  } else if (chunked) {
    phase_ = Phase::ChunkSize;
  } else if (length) {
    if (*length > max_body_) {
      return malformed("body too long");
    }
    left_ = *length;
    phase_ = left_ == 0 ? Phase::Done : Phase::Sized;
  } else {
    phase_ = Phase::UntilClose;
  }
  return {};
}

Result<bool> ResponseParser::readSized() {
  const std::size_t size = std::min<std::uint64_t>(left_, buffer_.size());
  response_.body.append(buffer_, 0, size);
  buffer_.erase(0, size);
  left_ -= size;
  if (left_ == 0) {
    phase_ = Phase::Done;
  }
  return left_ == 0;
}

Result<bool> ResponseParser::takeLine(std::string& line) {
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos ? buffer_.size() > kMaxLine : end > kMaxLine) {
    return malformed("line too long");
  }
  if (end == std::string::npos) {
    return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

Result<bool> ResponseParser::readChunkSize() {
  std::string line;
  if (!AK_TRY(takeLine(line))) {
    return false;
  }
  const auto size =
      parseNumber<std::uint64_t>(trim(std::string_view(line).substr(0, line.find(';'))), 16);
  if (!size) {
    return malformed("bad chunk size");
  }
  if (*size > max_body_ - response_.body.size()) {
    return malformed("body too long");
  }
  left_ = *size;
  phase_ = left_ == 0 ? Phase::Trailer : Phase::ChunkData;
  return true;
}

Result<bool> ResponseParser::readChunkData() {
  const std::size_t size = std::min<std::uint64_t>(left_, buffer_.size());
  response_.body.append(buffer_, 0, size);
  buffer_.erase(0, size);
  left_ -= size;
  if (left_ != 0 || buffer_.size() < 2) {
    return false;
  }
  if (!buffer_.starts_with("\r\n")) {
    return malformed("chunk without end");
  }
  buffer_.erase(0, 2);
  phase_ = Phase::ChunkSize;
  return true;
}

Result<bool> ResponseParser::readTrailer() {
  std::string line;
  if (!AK_TRY(takeLine(line))) {
    return false;
  }
  if (line.empty()) {
    phase_ = Phase::Done;
  }
  return true;
}

}  // namespace ak::client
