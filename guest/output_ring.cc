#include "guest/output_ring.h"

#include <algorithm>

namespace ak::guest {

namespace {

constexpr std::size_t kFirstSize = 4096;

}  // namespace

void OutputRing::grow(std::size_t least) {
  std::size_t size = std::max(bytes_.size(), std::min(kFirstSize, most_));
  while (size < least) {
    size = std::min(size * 2, most_);
  }
  if (size == bytes_.size()) {
    return;
  }
  std::vector<char> bigger(size);
  for (std::uint64_t at = begin_; at < end_;) {
    const auto place = static_cast<std::size_t>(at % size);
    at += copy(at, bigger.data() + place, size - place);
  }
  bytes_.swap(bigger);
}

void OutputRing::append(std::string_view bytes) {
  if (bytes.size() > most_) {
    begin_ = end_ += bytes.size() - most_;
    bytes.remove_prefix(bytes.size() - most_);
  }
  if (bytes.empty()) {
    return;
  }
  grow(std::min(kept() + bytes.size(), most_));
  const auto place = static_cast<std::size_t>(end_ % bytes_.size());
  const std::size_t before_wrap = std::min(bytes.size(), bytes_.size() - place);
  std::ranges::copy(bytes.substr(0, before_wrap),
                    bytes_.begin() + static_cast<std::ptrdiff_t>(place));
  std::ranges::copy(bytes.substr(before_wrap), bytes_.begin());
  end_ += bytes.size();
  begin_ = std::max(begin_, end_ - std::min<std::uint64_t>(end_, bytes_.size()));
}

void OutputRing::drop(std::uint64_t offset) {
  begin_ = std::clamp(offset, begin_, end_);
}

std::size_t OutputRing::copy(std::uint64_t offset, char* to, std::size_t size) const {
  size = std::min(size, static_cast<std::size_t>(end_ - offset));
  if (size == 0) {
    return 0;
  }
  const auto place = static_cast<std::size_t>(offset % bytes_.size());
  const std::size_t before_wrap = std::min(size, bytes_.size() - place);
  std::copy_n(bytes_.data() + place, before_wrap, to);
  std::copy_n(bytes_.data(), size - before_wrap, to + before_wrap);
  return size;
}

void OutputRing::clear() {
  begin_ = end_;
  std::vector<char>().swap(bytes_);
}

}  // namespace ak::guest
