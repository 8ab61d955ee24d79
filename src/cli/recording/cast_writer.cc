#include "cli/recording/cast_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

using nlohmann::json;

// Of what one event shows, so that no line is longer than readers take.
constexpr std::size_t kMostShown = 64 * 1024;
// Left for the event that says that the recording was cut.
constexpr std::uint64_t kLastWords = 256;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string headerLine(const CastHeader& header, const Clock& clock) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.wall().time_since_epoch());
  json line = {{"version", 2},
               {"width", header.window.columns},
               {"height", header.window.rows},
               {"timestamp", now.count()},
               {"title", header.title},
               {"command", header.command},
               {"env", json::object()}};
  for (const auto& [name, value] : header.environment) {
    line["env"][name] = value;
  }
  return dump(line) + "\n";
}

}  // namespace

Result<CastWriter> CastWriter::create(const std::string& path,
                                      const CastHeader& header,
                                      const Clock& clock,
                                      std::uint64_t limit) {
  auto file = sys::openPath(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0600);
  if (!file) {
    Error error = std::move(file).error().context(cat("recording to ", printable(path)));
    if (error.code == ErrorCode::AlreadyExists) {
      error.remedy = "Recordings are not overwritten: choose another name, or remove it first.";
    }
    return std::unexpected(std::move(error));
  }
  CastWriter writer(path, *std::move(file), clock, limit);
  writer.write(headerLine(header, clock));
  if (writer.stopped_) {
    ::unlink(path.c_str());
    return std::unexpected(*writer.stopped_);
  }
  return writer;
}

std::string CastWriter::lineOf(std::string_view code, std::string_view text) const {
  const std::chrono::duration<double> at = clock_->steady() - begun_;
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%.6f", at.count());
  return cat("[", time.data(), ", \"", code, "\", ", dump(json(text)), "]\n");
}

void CastWriter::event(std::string_view code, std::string_view text) {
  if (stopped_) {
    return;
  }
  const std::string line = lineOf(code, text);
  if (size_ + line.size() + kLastWords <= limit_) {
    write(line);
    return;
  }
  const std::string why = cat("recordings end at ", readableBytes(limit_));
  write(lineOf("o", cat("\r\n[agentkernel: the recording ends here; ", why, "]\r\n")));
  if (!stopped_) {
    stopped_ = Error::make(ErrorCode::TooLarge, why);
  }
}

// A line is there as a whole or not at all.
void CastWriter::write(std::string_view line) {
  const Status written = sys::writeAll(file_.get(), line);
  if (written) {
    size_ += line.size();
    return;
  }
  stopped_ = written.error();
  [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
}

void CastWriter::output(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMostShown);
    bytes.remove_prefix(piece.size());
    held_ += piece;
    const std::size_t whole = wholeCharacters(held_);
    if (whole != 0) {
      event("o", std::string_view(held_).substr(0, whole));
      held_.erase(0, whole);
    }
  }
}

void CastWriter::resized(model::TerminalSize size) {
  event("r", cat(size.columns, "x", size.rows));
}

void CastWriter::finish() {
  if (!held_.empty()) {
    event("o", held_);
    held_.clear();
  }
}

}  // namespace ak::cli
