#pragma once

#include <array>

#include "observe/metrics.h"

// What is counted about requests. Route templates and not paths are labels: a client must not be
// able to grow the table.
namespace ak::api {

inline constexpr std::array<std::string_view, 3> kRequestLabels = {"method", "path", "status"};
inline constexpr std::array<std::string_view, 2> kDurationLabels = {"method", "path"};
inline constexpr std::array<std::uint64_t, 12> kDurationBounds = {
    1'000,   5'000,   10'000,    25'000,    50'000,    100'000,
    250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

inline constexpr observe::Metric kRequests{observe::Metric::Kind::Counter,
                                           "agentkernel_http_requests_total",
                                           "Requests answered.",
                                           kRequestLabels,
                                           {}};
inline constexpr observe::Metric kRequestTime{
    observe::Metric::Kind::Histogram, "agentkernel_http_request_duration_seconds",
    "From a request's head to its answer's end.", kDurationLabels, kDurationBounds};

}  // namespace ak::api
