#include "audit/lines.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "audit/chain.h"
#include "base/text.h"

namespace ak::audit {

namespace {

constexpr std::size_t kBlock = 64 * 1024;

// [offset, offset + size) of the part, all of it.
Result<std::string> readBlock(const LogPart& part, std::uint64_t offset, std::size_t size) {
  std::string data(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(part.file.get(), data.data() + have, size - have,
                                static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return failErrno(cat("reading ", part.path));
    }
    if (got == 0) {
      return fail(ErrorCode::Conflict, cat(part.path, " was cut short while it was read"),
                  "Nothing but the daemon may write the audit log.");
    }
    have += static_cast<std::size_t>(got);
  }
  return data;
}

}  // namespace

Line ForwardLines::take(std::size_t size, std::size_t text, bool whole) {
  Line line;
  line.text = std::string_view(buffer_).substr(used_, text);
  line.part = part_;
  line.offset = offset_ + used_;
  line.size = size;
  line.whole = whole;
  used_ += size;
  return line;
}

Result<std::optional<Line>> ForwardLines::next() & {
  for (;;) {
    const std::size_t left = buffer_.size() - used_;
    if (const std::size_t end = buffer_.find('\n', used_); end != std::string::npos) {
      const std::size_t size = end - used_;
      return take(size + 1, std::min(size, kMaxLine), size <= kMaxLine);
    }
    if (left > kMaxLine) {
      return take(left, kMaxLine, false);
    }
    const std::uint64_t read = offset_ + buffer_.size();
    if (part_ < parts_.size() && read < parts_[part_].size) {
      const std::size_t more = std::min<std::uint64_t>(kBlock, parts_[part_].size - read);
      std::string block = AK_TRY(readBlock(parts_[part_], read, more));
      buffer_.erase(0, used_);
      offset_ += used_;
      used_ = 0;
      buffer_ += block;
      continue;
    }
    if (left > 0) {
      return take(left, left, false);
    }
    if (part_ == 0) {
      return std::nullopt;
    }
    --part_;
    buffer_.clear();
    offset_ = 0;
    used_ = 0;
  }
}

BackwardLines::BackwardLines(const std::vector<LogPart>& parts)
    : parts_(parts), offset_(parts.empty() ? 0 : parts.front().size) {}

Line BackwardLines::take(std::size_t begin) {
  std::string_view text = std::string_view(buffer_).substr(begin, end_ - begin);
  Line line;
  line.part = part_;
  line.offset = offset_ + begin;
  line.size = text.size();
  line.whole = text.ends_with('\n') && text.size() <= kMaxLine + 1;
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  line.text = text.substr(0, kMaxLine);
  end_ = begin;
  return line;
}

Result<std::optional<Line>> BackwardLines::next() & {
  for (;;) {
    if (end_ == 0 && offset_ == 0) {
      if (part_ + 1 >= parts_.size()) {
        return std::nullopt;
      }
      ++part_;
      offset_ = parts_[part_].size;
      buffer_.clear();
      continue;
    }
    // The line break that ends the line before this one.
    const std::size_t from = end_ > 1 ? end_ - 2 : std::string::npos;
    const std::size_t before =
        from == std::string::npos ? std::string::npos : buffer_.rfind('\n', from);
    if (before != std::string::npos) {
      return take(before + 1);
    }
    if ((offset_ == 0 && end_ > 0) || end_ > kMaxLine + 1) {
      return take(0);
    }
    const std::size_t more = std::min<std::uint64_t>(kBlock, offset_);
    std::string block = AK_TRY(readBlock(parts_[part_], offset_ - more, more));
    block.append(buffer_, 0, end_);
    buffer_ = std::move(block);
    end_ = buffer_.size();
    offset_ -= more;
  }
}

std::uint64_t oldestSeq(const std::vector<LogPart>& parts) {
  ForwardLines lines(parts);
  const auto line = lines.next();
  const auto sealed = line && *line && (*line)->whole ? unseal((*line)->text) : std::nullopt;
  return sealed ? sealed->seq : 0;
}

}  // namespace ak::audit
