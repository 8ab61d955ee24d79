#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/run_request.h"
#include "sys/owned_fd.h"

namespace ak::cli {

// The first line of a recording.
struct CastHeader {
  model::TerminalSize window;
  std::string title;
  std::string command;
  std::vector<std::pair<std::string, std::string>> environment;  // TERM and SHELL
};

// Records what a terminal shows, as asciicast version 2
// (https://docs.asciinema.org/manual/asciicast/v2/): a header, then a line per event, written as it
// happens. What is typed is not recorded: it may be a password that is not shown. Every line is
// whole JSON whatever was shown: characters that end in the next piece are held back until then,
// and bytes that are no UTF-8 become U+FFFD. Times are those of a clock that nobody sets.
class CastWriter {
 public:
  static constexpr std::uint64_t kLimit = std::uint64_t{64} << 20U;

  // A new file of the user alone; AlreadyExists when there is something. References outlive it.
  static Result<CastWriter> create(const std::string& path,
                                   const CastHeader& header,
                                   const Clock& clock,
                                   std::uint64_t limit = kLimit);
  CastWriter(CastWriter&&) noexcept = default;
  CastWriter& operator=(CastWriter&&) = delete;
  CastWriter(const CastWriter&) = delete;
  CastWriter& operator=(const CastWriter&) = delete;

  void output(std::string_view bytes);
  void resized(model::TerminalSize size);
  // Writes what was held back; nothing more comes.
  void finish();

  // Why nothing more is recorded, if so: the file is as large as it may be, or the disk full. What
  // is in the file is whole.
  const std::optional<Error>& stopped() const { return stopped_; }

  const std::string& path() const { return path_; }

 private:
  CastWriter(std::string path, sys::OwnedFd file, const Clock& clock, std::uint64_t limit)
      : path_(std::move(path)),
        file_(std::move(file)),
        clock_(&clock),
        begun_(clock.steady()),
        limit_(limit) {}

  void event(std::string_view code, std::string_view text);
  std::string lineOf(std::string_view code, std::string_view text) const;
  void write(std::string_view line);

  std::string path_;
  sys::OwnedFd file_;
  const Clock* clock_;
  SteadyTime begun_;
  std::uint64_t limit_;
  std::uint64_t size_ = 0;
  std::string held_;  // of a character that has not ended: at most 3 bytes
  std::optional<Error> stopped_;
};

}  // namespace ak::cli
