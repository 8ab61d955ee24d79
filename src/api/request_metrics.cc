#include "api/request_metrics.h"

#include <algorithm>

#include "base/text.h"

namespace ak::api {
namespace {

std::string labels(std::string_view method, std::string_view path) {
  return cat("method=\"", method, "\",path=\"", path, '"');
}

// Microseconds as a decimal number of seconds, without floating point.
std::string seconds(std::uint64_t micros) {
  std::string fraction = std::to_string(micros % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return cat(micros / 1'000'000, '.', fraction);
}

}  // namespace

void RequestMetrics::count(std::string_view method,
                           std::string_view path,
                           int status,
                           std::chrono::nanoseconds took) {
  const Key key{method, path};
  ++requests_[{key, status}];
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count() / 1000));
  Latency& latency = latencies_[key];
  const auto* bucket = std::ranges::lower_bound(kBounds, micros);
  ++latency.buckets.at(static_cast<std::size_t>(bucket - kBounds.begin()));
  latency.sum_us += micros;
  ++latency.count;
}

void RequestMetrics::append(std::string& out) const {
  out += "# TYPE agentkernel_http_requests_total counter\n";
  for (const auto& [key, count] : requests_) {
    const auto& [route, status] = key;
    out += cat("agentkernel_http_requests_total{", labels(route.first, route.second), ",status=\"",
               status, "\"} ", count, '\n');
  }
  out += "# TYPE agentkernel_http_request_seconds histogram\n";
  for (const auto& [route, latency] : latencies_) {
    const std::string names = labels(route.first, route.second);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      below += latency.buckets.at(i);
      out += cat("agentkernel_http_request_seconds_bucket{", names, ",le=\"",
                 seconds(kBounds.at(i)), "\"} ", below, '\n');
    }
    out += cat("agentkernel_http_request_seconds_bucket{", names, ",le=\"+Inf\"} ", latency.count,
               '\n');
    out += cat("agentkernel_http_request_seconds_sum{", names, "} ", seconds(latency.sum_us), '\n');
    out += cat("agentkernel_http_request_seconds_count{", names, "} ", latency.count, '\n');
  }
}

}  // namespace ak::api
