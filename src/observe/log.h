#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ak::observe {

enum class Level : std::uint8_t { Debug, Info, Warning, Error };

std::string_view name(Level level);

// The log's front end. `component` is the folder or program that speaks ("launcher", "pool").
// Messages are made safe for terminals here, since they may quote a guest. Thread-safe if the sink
// is.
class Log {
 public:
  using Sink = std::function<void(Level, std::string_view component, std::string_view message)>;

  Log() = default;  // says nothing

  Log(Sink sink, Level minimum) : sink_(std::move(sink)), minimum_(minimum) {}

  bool wants(Level level) const { return sink_ && level >= minimum_; }

  void write(Level level, std::string_view component, std::string_view message) const;

  void debug(std::string_view component, std::string_view message) const {
    write(Level::Debug, component, message);
  }

  void info(std::string_view component, std::string_view message) const {
    write(Level::Info, component, message);
  }

  void warning(std::string_view component, std::string_view message) const {
    write(Level::Warning, component, message);
  }

  void error(std::string_view component, std::string_view message) const {
    write(Level::Error, component, message);
  }

 private:
  Sink sink_;
  Level minimum_ = Level::Info;
};

}  // namespace ak::observe
