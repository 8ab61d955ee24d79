#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ak::observe {

// One family of numbers, described once as a constant; the registry knows it by its address.
struct Metric {
  enum class Kind : std::uint8_t { Counter, Gauge, Histogram };
  Kind kind = Kind::Counter;
  std::string_view name;
  std::string_view help;
  std::span<const std::string_view> labels;
  // Histogram: upper bounds in microseconds, ascending; what is slower falls into +Inf.
  std::span<const std::uint64_t> bounds;
};

// Counts, and says what it counted in Prometheus' text format 0.0.4. One thread: the daemon's loop.
//
// A label's value must never be a stranger's choice. Should one be all the same, a family stops at
// kMaxSeries and counts the rest under labels "other": memory stays bounded.
class Metrics {
 public:
  static constexpr std::size_t kMaxSeries = 1000;

  // In the order of the metric's labels, as many as it has.
  using Labels = std::vector<std::string_view>;

  void add(const Metric& counter, const Labels& labels, std::uint64_t by = 1);
  // Of a gauge, or of a counter that is kept elsewhere.
  void set(const Metric& gauge, const Labels& labels, std::uint64_t value);
  void observe(const Metric& histogram, const Labels& labels, std::chrono::nanoseconds took);

  // All families by name, each with HELP and TYPE.
  std::string text() const;

 private:
  struct Series {
    std::uint64_t value = 0;  // counter, gauge; a histogram's count
    std::uint64_t sum_us = 0;
    std::vector<std::uint64_t> buckets;
  };

  using Family = std::map<std::vector<std::string>, Series>;

  struct ByName {
    bool operator()(const Metric* a, const Metric* b) const { return a->name < b->name; }
  };

  Series& series(const Metric& metric, const Labels& labels);

  std::map<const Metric*, Family, ByName> families_;
};

}  // namespace ak::observe
