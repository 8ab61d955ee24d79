#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend/backend.h"
#include "backend/native/native_options.h"
#include "net/event.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "observe/log.h"

namespace ak::conformance {

// Ids name cgroups, which all tests of this machine share.
inline const std::string kBox = "conf-" + std::to_string(::getpid());

struct Outcome {
  std::string output;
  std::string errors;
  wire::ExecExit exit;
};

// A backend with all that it needs in a directory of its own.
class Bench {
 public:
  explicit Bench(std::string kind);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // Empty when usable here, else why not.
  std::string whyNot();

  backend::Backend& backend() { return *backend_; }

  net::Loop& loop() { return loop_; }

  const std::string& directory() const { return directory_; }

  const std::vector<std::string>& log() const { return log_; }

  std::size_t idsOut() const { return ids_out_; }

  backend::StartRequest request(const std::string& id);
  Result<backend::Started> start(backend::StartRequest request);
  backend::Started startOk(const std::string& id);
  Status stop(const std::string& id);

  void dropAgents() { agents_.clear(); }

  // To its end; fails the test when the exec cannot be had.
  Outcome run(channel::Agent& agent, wire::ExecRequest request);
  Outcome sh(channel::Agent& agent, const std::string& script);

  // As after a kill -9 of the daemon: a new backend object over the same directories.
  void restartDaemon();

  template <typename T>
  T wait(net::Task<T> task) {
    return loop_.runUntilDone(std::move(task));
  }

  backend::NativeOptions native_options;

 private:
  void makeRoot();
  void makeBackend();

  std::string kind_;
  std::string directory_;
  std::vector<std::string> log_;
  observe::Log front_;
  net::Loop loop_;
  std::unique_ptr<backend::Backend> backend_;
  // Held to the end: a fake box is ended through its session, with all that it started.
  std::vector<std::shared_ptr<channel::Agent>> agents_;
  std::uint32_t next_ids_ = 1;
  std::size_t ids_out_ = 0;
};

wire::ExecRequest shell(const std::string& script);
net::Task<Outcome> collect(channel::ExecStream& exec);

class BackendTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    bench_ = std::make_unique<Bench>(GetParam());
    if (const std::string why = bench_->whyNot(); !why.empty()) {
      GTEST_SKIP() << GetParam() << ": " << why;
    }
  }

  Bench& bench() { return *bench_; }

 private:
  std::unique_ptr<Bench> bench_;
};

class NativeTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_ = std::make_unique<Bench>("native");
    if (const std::string why = bench_->whyNot(); !why.empty()) {
      GTEST_SKIP() << "native: " << why;
    }
  }

  Bench& bench() { return *bench_; }

  std::unique_ptr<Bench> bench_;
};

}  // namespace ak::conformance
