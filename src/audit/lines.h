#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "base/result.h"

namespace ak::audit {

// Longer ones are not lines of ours. Readers hold no more than this and a block at a time.
inline constexpr std::size_t kMaxLine = 64 * 1024;

struct Line {
  std::string_view text;  // without its line break; valid until the next call
  std::size_t part = 0;   // index into the parts
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // in the file, the line break too
  bool whole = true;       // false: no line break behind it, or longer than kMaxLine (text is cut)
};

// Lines from the first one of the oldest part on. Only what was there when the parts were opened.
class ForwardLines {
 public:
  // `parts` newest first; outlives this.
  explicit ForwardLines(const std::vector<LogPart>& parts) : parts_(parts), part_(parts.size()) {}

  // nullopt after the last one. The line is a view into this.
  Result<std::optional<Line>> next() &;

 private:
  Line take(std::size_t size, std::size_t text, bool whole);

  const std::vector<LogPart>& parts_;
  std::size_t part_;          // the one that is read; all of them: none yet
  std::uint64_t offset_ = 0;  // of the buffer in it
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
};

// Lines from the last one of the newest part back: as much is read as is asked for.
class BackwardLines {
 public:
  explicit BackwardLines(const std::vector<LogPart>& parts);

  Result<std::optional<Line>> next() &;

 private:
  Line take(std::size_t begin);

  const std::vector<LogPart>& parts_;
  std::size_t part_ = 0;
  std::uint64_t offset_ = 0;  // of the buffer
  std::string buffer_;
  std::size_t end_ = 0;  // of what is still to be given
};

// The number of the oldest line; 0 when that is none of ours, or there is none.
std::uint64_t oldestSeq(const std::vector<LogPart>& parts);

}  // namespace ak::audit
