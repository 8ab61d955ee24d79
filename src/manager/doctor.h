#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/task.h"

namespace ak::manager {

enum class CheckStatus : std::uint8_t { Ok, Info, Warning, Error };

inline std::string_view name(CheckStatus status) {
  switch (status) {
    case CheckStatus::Ok:
      return "ok";
    case CheckStatus::Info:
      return "info";
    case CheckStatus::Warning:
      return "warning";
    case CheckStatus::Error:
      return "error";
  }
  return "error";
}

// One fact about this host or installation, for people.
struct DoctorCheck {
  std::string name;  // stable snake_case word
  CheckStatus status = CheckStatus::Ok;
  std::string message;
  std::string remedy;  // a full sentence; empty when there is nothing to mend
};

// What works here, what does not, and what to do about it. The same checks answer GET /doctor and,
// when no daemon can start, `agentkerneld --doctor`.
class Doctor {
 public:
  virtual ~Doctor() = default;
  virtual net::Task<std::vector<DoctorCheck>> check() = 0;
};

}  // namespace ak::manager
