#include "net/http_chunked.h"

#include <algorithm>

#include "base/text.h"

namespace ak::net {
namespace {

constexpr std::size_t kMaxLine = 256;
constexpr std::size_t kMaxTrailers = 4096;

}  // namespace

bool ChunkedDecoder::takeLine(std::string_view& bytes) {
  if (line_done_) {
    line_.clear();
    line_done_ = false;
  }
  const std::size_t limit = part_ == Part::Trailer ? kMaxTrailers : kMaxLine;
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    const bool after_cr = !line_.empty() && line_.back() == '\r';
    if (after_cr != (c == '\n') || line_.size() >= limit) {
      malformed_ = true;
      return false;
    }
    if (c == '\n') {
      line_.pop_back();
      line_done_ = true;
      return true;
    }
    line_.push_back(c);
  }
  return false;
}

ChunkedDecoder::State ChunkedDecoder::onLine() {
  switch (part_) {
    case Part::Size: {
      const std::string_view digits = std::string_view(line_).substr(0, line_.find(';'));
      const auto size = parseNumber<std::uint64_t>(digits, 16);
      if (!size || digits.size() > 15 || digits.front() == '-') {
        return State::Malformed;
      }
      if (*size > body_limit_ - body_.size()) {
        return State::TooLarge;
      }
      remaining_ = *size;
      part_ = *size == 0 ? Part::Trailer : Part::Data;
      return State::NeedMore;
    }
    case Part::DataEnd:
      part_ = Part::Size;
      return line_.empty() ? State::NeedMore : State::Malformed;
    case Part::Trailer:
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > kMaxTrailers) {
        return State::Malformed;
      }
      return line_.empty() ? State::Done : State::NeedMore;
    case Part::Data:
      break;
  }
  return State::Malformed;
}

ChunkedDecoder::State ChunkedDecoder::feed(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::Data) {
      const std::size_t take = std::min<std::uint64_t>(remaining_, bytes.size());
      body_.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      remaining_ -= take;
      if (remaining_ == 0) {
        part_ = Part::DataEnd;
      }
      continue;
    }
    if (!takeLine(bytes)) {
      return malformed_ ? State::Malformed : State::NeedMore;
    }
    if (const State state = onLine(); state != State::NeedMore) {
      return state;
    }
  }
  return State::NeedMore;
}

}  // namespace ak::net
