#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/run_request.h"

namespace ak::cli {

struct CastEvent {
  enum class Kind : std::uint8_t { Output, Resize, Other };
  Kind kind = Kind::Other;
  std::chrono::duration<double> at{};  // since the beginning; never before the event before
  std::string text;
};

// Reads a stranger's recording, asciicast version 2, line by line: its memory is bounded by
// kMaxLine. What is no event is skipped and counted.
class CastReader {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{1} << 20U;

  // Gives the next bytes; empty at the end.
  using Source = std::function<Result<std::string>()>;

  // InvalidArgument unless the first line is a recording's header; Unsupported for another version.
  static Result<CastReader> open(Source source);

  model::TerminalSize window() const { return window_; }

  // Nothing at the end.
  Result<std::optional<CastEvent>> next();

  // Lines that were no events, too long, or cut at the end.
  std::uint64_t skipped() const { return skipped_; }

 private:
  explicit CastReader(Source source) : source_(std::move(source)) {}

  Result<std::optional<std::string>> nextLine();

  Source source_;
  std::string buffer_;
  bool ended_ = false;
  bool too_long_ = false;  // the line that began before buffer_ is thrown away
  model::TerminalSize window_;
  std::chrono::duration<double> last_{};
  std::uint64_t skipped_ = 0;
};

}  // namespace ak::cli
