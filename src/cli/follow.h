#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/context.h"
#include "cli/output.h"

// What the commands with --follow have in common.
namespace ak::cli {

enum class Woken : std::uint8_t { Ready, NobodyReads };

// Sleeps until `fd` can be read, or nobody reads our standard output any more: without the second a
// follower of a silent log would outlive the pipe that it writes to.
Result<Woken> waitToFollow(int fd);
// The same without anything to read: Ready when the time is over.
Result<Woken> sleepUnlessUnread(std::chrono::milliseconds time);

// As of a program that writes on into a pipe without a reader.
inline constexpr int kNobodyReadsStatus = 128 + 13;

// Follows a log of the API to its end, giving its bytes to `take`: what was said last. Nothing when
// nobody reads our standard output any more.
Result<std::optional<nlohmann::json>> followLog(Context& context,
                                                std::string path,
                                                const std::function<void(std::string_view)>& take);

// Prints a log that comes in pieces cut anywhere. As text: at once, but for a character that is not
// complete. As JSON: one object {message} a line, for what programs read line by line; lines over
// 64 KiB are split.
class LogPrinter {
 public:
  enum class Form : std::uint8_t { Text, Json };

  LogPrinter(Output& output, Form form) : output_(output), form_(form) {}

  void add(std::string_view piece);
  // No more comes: what is held back is let out.
  void end();

 private:
  void printLine(std::string_view line);

  Output& output_;
  Form form_;
  std::string held_;
};

}  // namespace ak::cli
