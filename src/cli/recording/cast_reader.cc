#include "cli/recording/cast_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr int kMaxDepth = 8;
// More than any recording lasts, and far from where durations overflow.
constexpr double kMostSeconds = 100.0 * 366 * 24 * 3600;

std::unexpected<Error> noRecording() {
  return fail(ErrorCode::InvalidArgument, "this file is no recording of a terminal",
              "Recordings are asciicast files, version 2: agentkernel attach NAME --record FILE");
}

// Discarded for what is no JSON or nested deeper than any recording is.
json parseLine(std::string_view line) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  json value = json::parse(line, watch_depth, false);
  return too_deep ? json(json::value_t::discarded) : value;
}

std::optional<CastEvent> eventOf(std::string_view line) {
  const json value = parseLine(line);
  if (!value.is_array() || value.size() < 3 || !value[0].is_number() || !value[1].is_string() ||
      !value[2].is_string()) {
    return std::nullopt;
  }
  const double at = value[0].get<double>();
  if (!std::isfinite(at) || at < 0 || at > kMostSeconds) {
    return std::nullopt;
  }
  CastEvent event;
  event.at = std::chrono::duration<double>(at);
  const std::string& code = value[1].get_ref<const std::string&>();
  event.kind = code == "o"   ? CastEvent::Kind::Output
               : code == "r" ? CastEvent::Kind::Resize
                             : CastEvent::Kind::Other;
  event.text = value[2].get<std::string>();
  return event;
}

std::uint16_t sideOf(const json& header, const char* key) {
  constexpr std::uint64_t kMostSide = 10'000;
  const auto found = header.find(key);
  return found != header.end() && found->is_number_unsigned()
             ? static_cast<std::uint16_t>(std::min(found->get<std::uint64_t>(), kMostSide))
             : std::uint16_t{0};
}

}  // namespace

Result<CastReader> CastReader::open(Source source) {
  CastReader reader(std::move(source));
  const auto line = AK_TRY(reader.nextLine());
  const json header = line ? parseLine(*line) : json();
  if (!header.is_object() || !header.contains("version") || reader.skipped_ != 0) {
    return noRecording();
  }
  if (const json& version = header["version"]; version != 2) {
    return version.is_number()
               ? fail(ErrorCode::Unsupported, cat("this recording is of version ", version.dump()),
                      "Version 2 of asciicast is played; asciinema convert makes it.")
               : noRecording();
  }
  reader.window_ = {.rows = sideOf(header, "height"), .columns = sideOf(header, "width")};
  return reader;
}

// A line that is too long is thrown away as it comes.
Result<std::optional<std::string>> CastReader::nextLine() {
  std::size_t looked = 0;
  for (;;) {
    const std::size_t end = buffer_.find('\n', looked);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      looked = 0;
      if (std::exchange(too_long_, false)) {
        ++skipped_;
        continue;
      }
      return line;
    }
    looked = buffer_.size();
    if (buffer_.size() > kMaxLine) {
      too_long_ = true;
      buffer_.clear();
      looked = 0;
    }
    if (ended_) {
      if (std::exchange(too_long_, false)) {
        ++skipped_;
        return std::nullopt;
      }
      return buffer_.empty() ? std::nullopt : std::optional(std::exchange(buffer_, {}));
    }
    const std::string more = AK_TRY(source_());
    ended_ = more.empty();
    buffer_ += more;
  }
}

Result<std::optional<CastEvent>> CastReader::next() {
  for (;;) {
    const auto line = AK_TRY(nextLine());
    if (!line) {
      return std::nullopt;
    }
    if (trim(*line).empty()) {
      continue;
    }
    if (auto event = eventOf(*line)) {
      event->at = last_ = std::max(event->at, last_);
      return event;
    }
    ++skipped_;
  }
}

}  // namespace ak::cli
