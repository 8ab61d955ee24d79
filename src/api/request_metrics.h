#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ak::api {

// Counts requests per route template and status, and how long they took. Templates and not paths
// are labels: a client must not be able to grow the table.
class RequestMetrics {
 public:
  void count(std::string_view method,
             std::string_view path,
             int status,
             std::chrono::nanoseconds took);
  // Prometheus text format 0.0.4.
  void append(std::string& out) const;

 private:
  // Upper bounds in microseconds; one more bucket for what is slower.
  static constexpr std::array<std::uint64_t, 8> kBounds = {100,    500,     1'000,     5'000,
                                                           25'000, 100'000, 1'000'000, 10'000'000};

  struct Latency {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    std::uint64_t sum_us = 0;
    std::uint64_t count = 0;
  };

  using Key = std::pair<std::string_view, std::string_view>;  // method, template: static storage
  std::map<std::pair<Key, int>, std::uint64_t> requests_;
  std::map<Key, Latency> latencies_;
};

}  // namespace ak::api
