// GET /health over a unix socket: one client that waits for each answer (latency), the same with 64
// requests sent ahead (throughput of parser, router and writer), and an upgraded command that ends
// at once. Prints the median and 99th percentile.
#include <algorithm>
#include <cstdio>

#include "api/testing/api_fixture.h"

namespace ak::api {
namespace {

using net::testing::RawClient;

constexpr std::string_view kHealth = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view kBody = R"({"command":["print","hi"]})";

double microsSince(SteadyTime begin) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
      .count();
}

class ApiBench : public testing::ApiFixture {
 public:
  void TestBody() override {
    latency();
    throughput();
    upgraded();
  }

 private:
  static void print(const char* name, std::vector<double> micros) {
    std::ranges::sort(micros);
    std::printf("%-34s p50 %7.1f us  p99 %7.1f us\n", name, micros[micros.size() / 2],
                micros[micros.size() * 99 / 100]);
  }

  void latency() {
    RawClient client = this->client();
    std::vector<double> micros;
    for (int i = 0; i < 20'000; ++i) {
      const SteadyTime begin = std::chrono::steady_clock::now();
      client.ask(kHealth);
      micros.push_back(microsSince(begin));
    }
    print("GET /health, kept connection", std::move(micros));
  }

  void throughput() {
    RawClient client = this->client();
    constexpr int kAhead = 64;
    constexpr int kRounds = 3000;
    std::string batch;
    for (int i = 0; i < kAhead; ++i) {
      batch += kHealth;
    }
    client.send(kHealth);
    client.fill();
    const std::size_t size = std::exchange(client.buffer(), {}).size();
    const SteadyTime begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) {
      client.send(batch);
      client.take(size * kAhead);
    }
    std::printf("%-34s %.0f requests/s\n", "GET /health, 64 sent ahead",
                kAhead * kRounds / (microsSince(begin) / 1e6));
  }

  void upgraded() {
    std::vector<double> micros;
    for (int i = 0; i < 3000; ++i) {
      RawClient client = this->client();
      const SteadyTime begin = std::chrono::steady_clock::now();
      client.send(
          cat("POST /run HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
              "Upgrade: agentkernel\r\nContent-Length: ",
              kBody.size(), "\r\n\r\n", kBody));
      client.readUntil("exit_code");
      micros.push_back(microsSince(begin));
    }
    print("POST /run upgraded, nothing to run", std::move(micros));
  }
};

}  // namespace
}  // namespace ak::api

int main() {
  ak::api::ApiBench bench;
  bench.TestBody();
  return 0;
}
