#include "observe/log.h"

#include "base/text.h"

namespace ak::observe {

std::string_view name(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warning:
      return "warning";
    case Level::Error:
      return "error";
  }
  return "error";
}

void Log::write(Level level, std::string_view component, std::string_view message) const {
  if (wants(level)) {
    sink_(level, component, printable(message));
  }
}

}  // namespace ak::observe
