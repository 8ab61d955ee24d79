#include "manager/git_index.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace ak::manager {

namespace {

constexpr std::size_t kStatBytes = 40;  // ten numbers of four bytes, the mode being the seventh
constexpr std::size_t kModeAt = 24;
constexpr std::uint32_t kGitlink = 0160000;
constexpr std::uint32_t kTypeMask = 0170000;
constexpr std::uint16_t kExtended = 0x4000;
constexpr std::size_t kMaxPath = 4096;

// What git itself would put there: relative, without "." and ".." (CVE-2014-9390 and its kin).
bool isPlain(std::string_view path) {
  const auto parts = split(path, '/');
  return std::ranges::none_of(
      parts, [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

class Index {
 public:
  Index(std::string_view text, std::size_t hash) : text_(text), hash_(hash) {}

  // nullopt: this is no index with hashes of that size.
  std::optional<std::vector<std::string>> submodules(std::uint32_t version, std::uint32_t count) {
    std::vector<std::string> found;
    at_ = 12;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!entry(version)) {
        return std::nullopt;
      }
      if ((mode_ & kTypeMask) == kGitlink) {
        if (!isPlain(path_)) {
          return std::nullopt;
        }
        found.push_back(path_);
      }
    }
    return extensions() ? std::optional(std::move(found)) : std::nullopt;
  }

  bool split() const { return split_; }

 private:
  std::uint32_t number(std::size_t at, std::size_t bytes) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = value << 8U | static_cast<unsigned char>(text_[at + i]);
    }
    return value;
  }

  bool entry(std::uint32_t version) {
    const std::size_t start = at_;
    const std::size_t flags_at = start + kStatBytes + hash_;
    if (flags_at + 2 > text_.size()) {
      return false;
    }
    mode_ = number(start + kModeAt, 4);
    const bool extended = (number(flags_at, 2) & kExtended) != 0;
    at_ = flags_at + (extended ? 4 : 2);
    if (extended && version < 3) {
      return false;
    }
    std::size_t kept = 0;
    if (version == 4 && !prefix(kept)) {
      return false;
    }
    const std::size_t end = text_.find('\0', at_);
    if (end == std::string_view::npos || kept + (end - at_) > kMaxPath) {
      return false;
    }
    path_.resize(kept);
    path_.append(text_.substr(at_, end - at_));
    // Before version 4 one to eight zero bytes fill an entry up to a multiple of eight.
    at_ = version == 4 ? end + 1 : start + ((end - start) / 8 + 1) * 8;
    return at_ <= text_.size();  // a split index has entries without a name
  }

  // Version 4: how much of the path before it a path begins with, as how much of its end goes.
  bool prefix(std::size_t& kept) {
    std::uint64_t removed = 0;
    for (int bytes = 0;; ++bytes) {
      if (at_ >= text_.size() || bytes == 4) {
        return false;
      }
      const auto byte = static_cast<unsigned char>(text_[at_++]);
      removed = (removed << 7U) + (byte & 0x7fU);
      if ((byte & 0x80U) == 0) {
        break;
      }
      ++removed;  // the encoding of offsets in pack files
    }
    if (removed > path_.size()) {
      return false;
    }
    kept = path_.size() - removed;
    return true;
  }

  // To the checksum at the end, which is not checked: git does not either where it reads fast.
  bool extensions() {
    while (at_ + hash_ < text_.size()) {
      if (at_ + 8 + hash_ > text_.size()) {
        return false;
      }
      split_ = split_ || text_.substr(at_, 4) == "link";
      at_ += 8 + std::size_t{number(at_ + 4, 4)};
    }
    return at_ + hash_ == text_.size();
  }

  std::string_view text_;
  std::size_t hash_;
  std::size_t at_ = 0;
  std::uint32_t mode_ = 0;
  std::string path_;
  bool split_ = false;
};

std::uint32_t bigEndian(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    value = value << 8U | static_cast<unsigned char>(text[i]);
  }
  return value;
}

}  // namespace

Result<std::vector<std::string>> submodulesIn(std::string_view index) {
  if (index.size() < 12 || !index.starts_with("DIRC")) {
    return fail(ErrorCode::Protocol, "not an index of git");
  }
  const std::uint32_t version = bigEndian(index, 4);
  if (version < 2 || version > 4) {
    return fail(ErrorCode::Unsupported, "a version of git's index that we do not know");
  }
  for (const std::size_t hash : {20U, 32U}) {  // SHA-1, SHA-256
    Index reader(index, hash);
    if (auto found = reader.submodules(version, bigEndian(index, 8))) {
      if (reader.split()) {
        return fail(ErrorCode::Unsupported, "a split index of git");
      }
      return *std::move(found);
    }
  }
  return fail(ErrorCode::Protocol, "a malformed index of git");
}

}  // namespace ak::manager
