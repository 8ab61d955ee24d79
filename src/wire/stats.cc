#include "wire/stats.h"

#include "wire/fields.h"

namespace ak::wire {

std::string encode(const GuestStats& stats) {
  TlvWriter out;
  out.number(1, stats.memory_bytes).number(2, stats.cpu_us).number(3, stats.processes);
  out.number(4, stats.execs).number(5, stats.uptime_ms).number(6, stats.agent_bytes);
  return std::move(out).take();
}

Result<GuestStats> decodeGuestStats(std::string_view text) {
  GuestStats stats;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        stats.memory_bytes = in.number();
        break;
      case 2:
        stats.cpu_us = in.number();
        break;
      case 3:
        stats.processes = in.numberAs<std::uint32_t>();
        break;
      case 4:
        stats.execs = in.numberAs<std::uint32_t>();
        break;
      case 5:
        stats.uptime_ms = in.number();
        break;
      case 6:
        stats.agent_bytes = in.number();
        break;
      default:
        break;
    }
  }
  if (!in.ok()) {
    return malformed("statistics");
  }
  return stats;
}

}  // namespace ak::wire
