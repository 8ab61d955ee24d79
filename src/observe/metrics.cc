#include "observe/metrics.h"

#include <algorithm>

#include "base/text.h"

namespace ak::observe {

namespace {

std::string_view typeOf(Metric::Kind kind) {
  switch (kind) {
    case Metric::Kind::Counter:
      return "counter";
    case Metric::Kind::Gauge:
      return "gauge";
    case Metric::Kind::Histogram:
      return "histogram";
  }
  return "untyped";
}

// Microseconds as the shortest decimal number of seconds, without floating point.
std::string seconds(std::uint64_t micros) {
  std::string fraction = std::to_string(micros % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  while (fraction.ends_with('0')) {
    fraction.pop_back();
  }
  return fraction.empty() ? std::to_string(micros / 1'000'000)
                          : cat(micros / 1'000'000, '.', fraction);
}

// The format escapes these three in label values.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

// "{a="1",b="2"}", with `le` behind when it is given; "" without labels.
std::string labelText(const Metric& metric,
                      const std::vector<std::string>& values,
                      std::string_view le = {}) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += cat(text.empty() ? "" : ",", metric.labels[i], "=\"", escaped(values[i]), '"');
  }
  if (!le.empty()) {
    text += cat(text.empty() ? "" : ",", "le=\"", le, '"');
  }
  return text.empty() ? text : cat('{', text, '}');
}

}  // namespace

Metrics::Series& Metrics::series(const Metric& metric, const Labels& labels) {
  Family& family = families_[&metric];
  std::vector<std::string> key(labels.begin(), labels.end());
  key.resize(metric.labels.size());
  const auto found = family.find(key);
  if (found != family.end()) {
    return found->second;
  }
  if (family.size() >= kMaxSeries) {
    std::ranges::fill(key, "other");
  }
  Series& made = family[key];
  made.buckets.resize(metric.bounds.size());
  return made;
}

void Metrics::add(const Metric& counter, const Labels& labels, std::uint64_t by) {
  series(counter, labels).value += by;
}

void Metrics::set(const Metric& gauge, const Labels& labels, std::uint64_t value) {
  series(gauge, labels).value = value;
}

void Metrics::observe(const Metric& histogram,
                      const Labels& labels,
                      std::chrono::nanoseconds took) {
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count() / 1000));
  Series& one = series(histogram, labels);
  const auto bucket = std::ranges::lower_bound(histogram.bounds, micros) - histogram.bounds.begin();
  if (static_cast<std::size_t>(bucket) < one.buckets.size()) {
    ++one.buckets[static_cast<std::size_t>(bucket)];
  }
  one.sum_us += micros;
  ++one.value;
}

std::string Metrics::text() const {
  std::string out;
  for (const auto& [metric, family] : families_) {
    out += cat("# HELP ", metric->name, ' ', metric->help, "\n# TYPE ", metric->name, ' ',
               typeOf(metric->kind), '\n');
    for (const auto& [values, one] : family) {
      if (metric->kind != Metric::Kind::Histogram) {
        out += cat(metric->name, labelText(*metric, values), ' ', one.value, '\n');
        continue;
      }
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < one.buckets.size(); ++i) {
        below += one.buckets[i];
        out += cat(metric->name, "_bucket", labelText(*metric, values, seconds(metric->bounds[i])),
                   ' ', below, '\n');
      }
      out += cat(metric->name, "_bucket", labelText(*metric, values, "+Inf"), ' ', one.value, '\n');
      out += cat(metric->name, "_sum", labelText(*metric, values), ' ', seconds(one.sum_us), '\n');
      out += cat(metric->name, "_count", labelText(*metric, values), ' ', one.value, '\n');
    }
  }
  return out;
}

}  // namespace ak::observe
