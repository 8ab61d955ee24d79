#include "observe/metrics.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

namespace ak::observe {
namespace {

using std::chrono::microseconds;

constexpr std::array<std::string_view, 2> kLabels = {"method", "path"};
constexpr std::array<std::uint64_t, 2> kBounds = {1'000, 2'500'000};
constexpr Metric kCounter{Metric::Kind::Counter, "b_total", "Counted.", kLabels, {}};
constexpr Metric kGauge{Metric::Kind::Gauge, "a_now", "Level.", {}, {}};
constexpr Metric kTime{Metric::Kind::Histogram, "c_seconds", "Time.", {}, kBounds};

TEST(MetricsTest, PrintsEachFamilyOnceInPrometheusText) {
  Metrics metrics;
  metrics.add(kCounter, {"GET", "/x"});
  metrics.add(kCounter, {"GET", "/x"}, 2);
  metrics.set(kGauge, {}, 7);
  metrics.set(kGauge, {}, 5);
  EXPECT_EQ(metrics.text(),
            "# HELP a_now Level.\n# TYPE a_now gauge\na_now 5\n"
            "# HELP b_total Counted.\n# TYPE b_total counter\n"
            "b_total{method=\"GET\",path=\"/x\"} 3\n");
}

TEST(MetricsTest, HistogramsAreCumulativeAndABoundBelongsToItsBucket) {
  Metrics metrics;
  metrics.observe(kTime, {}, microseconds(1'000));
  metrics.observe(kTime, {}, microseconds(1'001));
  metrics.observe(kTime, {}, microseconds(3'000'000));
  metrics.observe(kTime, {}, microseconds(-5));
  EXPECT_EQ(metrics.text(),
            "# HELP c_seconds Time.\n# TYPE c_seconds histogram\n"
            "c_seconds_bucket{le=\"0.001\"} 2\nc_seconds_bucket{le=\"2.5\"} 3\n"
            "c_seconds_bucket{le=\"+Inf\"} 4\nc_seconds_sum 3.002001\nc_seconds_count 4\n");
}

TEST(MetricsTest, LabelValuesCannotBreakTheFormat) {
  Metrics metrics;
  metrics.add(kCounter, {"a\"b\\c\nd", ""});
  EXPECT_NE(metrics.text().find("b_total{method=\"a\\\"b\\\\c\\nd\",path=\"\"} 1\n"),
            std::string::npos);
}

TEST(MetricsTest, AFamilyStopsGrowing) {
  Metrics metrics;
  for (int i = 0; i < 5'000; ++i) {
    metrics.add(kCounter, {"GET", std::to_string(i)});
  }
  const std::string text = metrics.text();
  EXPECT_NE(text.find("b_total{method=\"other\",path=\"other\"} 4000\n"), std::string::npos);
  EXPECT_LE(std::ranges::count(text, '\n'), 1'003);
}

}  // namespace
}  // namespace ak::observe
