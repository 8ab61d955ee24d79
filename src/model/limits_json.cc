#include "model/limits_json.h"

#include <limits>

#include <nlohmann/json.hpp>

namespace ak::model {

using nlohmann::json;

namespace {

constexpr std::uint64_t kMebibyte = 1024ULL * 1024;
constexpr std::uint64_t kMaxBytes = 1ULL << 50U;

}  // namespace

void putLimits(json& body, const AskedLimits& limits) {
  if (limits.memory_bytes) {
    body["memory_bytes"] = *limits.memory_bytes;
  }
  if (limits.cpu_percent) {
    body["cpu_percent"] = *limits.cpu_percent;
  }
  if (limits.pids) {
    body["pids"] = *limits.pids;
  }
  if (limits.disk_bytes) {
    body["disk_bytes"] = *limits.disk_bytes;
  }
}

void readLimits(JsonFields& fields, AskedLimits& limits) {
  fields.number("memory_bytes", limits.memory_bytes, kMaxBytes);
  std::optional<std::uint64_t> megabytes;
  fields.number("memory_mb", megabytes, kMaxBytes / kMebibyte);
  if (megabytes && limits.memory_bytes && *limits.memory_bytes != *megabytes * kMebibyte) {
    fields.reject(Error::make(ErrorCode::InvalidArgument,
                              "memory_mb and memory_bytes say different things",
                              "Give one of the two."));
  } else if (megabytes) {
    limits.memory_bytes = *megabytes * kMebibyte;
  }
  fields.number("cpu_percent", limits.cpu_percent, 100 * 4096);
  if (const json* vcpus = fields.find("vcpus"); vcpus != nullptr && !limits.cpu_percent) {
    if (!vcpus->is_number() || !(vcpus->get<double>() > 0) || vcpus->get<double>() > 4096) {
      fields.rejectType("vcpus", "a number of cores above 0");
    } else {
      limits.cpu_percent = static_cast<std::uint32_t>(vcpus->get<double>() * 100 + 0.5);
    }
  }
  fields.number("pids", limits.pids, std::numeric_limits<std::int32_t>::max());
  fields.number("disk_bytes", limits.disk_bytes, kMaxBytes);
}

}  // namespace ak::model
