#include "env/host_environment.h"

#include <algorithm>

namespace ak::env {

namespace {

constexpr std::size_t kMaxValue = 4096;
constexpr std::size_t kMaxTerminalName = 64;

bool isPlainValue(std::string_view value) {
  return value.size() <= kMaxValue &&
         std::ranges::none_of(value, [](unsigned char c) { return c < 0x20U || c == 0x7fU; });
}

bool isTerminalName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTerminalName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '+';
  }) && name.front() != '.';
}

}  // namespace

std::vector<std::string> passedEnvironment(const Environment& environment) {
  std::vector<std::string> passed;
  for (const char* name : kPassedVariables) {
    const auto value = environment(name);
    if (value && isPlainValue(*value)) {
      passed.push_back(std::string(name) + '=' + *value);
    }
  }
  return passed;
}

std::string terminalType(const Environment& environment) {
  const auto term = environment("TERM");
  return term && isTerminalName(*term) ? *term : std::string("xterm-256color");
}

}  // namespace ak::env
