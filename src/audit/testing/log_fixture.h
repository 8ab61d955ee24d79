#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audit/log.h"
#include "audit/query.h"
#include "audit/verify.h"
#include "base/text.h"

namespace ak::audit::testing {

// A log in a directory of one test's own; closed and opened again as daemons come and go.
class LogFixture : public ::testing::Test {
 protected:
  LogFixture() {
    if (::mkdtemp(directory_.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    options_.path = directory_ + "/log/audit.jsonl";
    options_.head_path = directory_ + "/audit.head";
  }

  ~LogFixture() override {
    log_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    log_.reset();
    log_ = Log::open(options_, clock_, silent_);
  }

  void close() { log_.reset(); }

  // As a kill -9 leaves it: `write` has happened, the last commit has not.
  void kill() {
    const std::string head = text(options_.head_path);
    log_.reset();
    overwrite(options_.head_path, head);
  }

  void record(int count, const std::string& sandbox = "box") {
    for (int i = 0; i < count; ++i) {
      Event event(Kind::CommandExecuted, Actor{Actor::Via::Unix, 1000, 42, "ann"});
      event.text("sandbox", sandbox).command({"echo", std::to_string(i)}, redactor_);
      log_->record(event);
    }
  }

  static std::string text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void overwrite(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  std::string logText() const { return text(options_.path); }

  std::vector<std::string> lines() const {
    const std::string all = logText();
    std::vector<std::string> list;
    for (const std::string_view line : split(all, '\n')) {
      if (!line.empty()) {
        list.emplace_back(line);
      }
    }
    return list;
  }

  void overwriteLines(const std::vector<std::string>& list) const {
    overwrite(options_.path, list.empty() ? "" : join(list, "\n") + "\n");
  }

  Verdict verify(std::optional<Link> kept = {}) const {
    Expectation expected;
    auto head = readHead(options_.head_path);
    EXPECT_TRUE(head);
    expected.head = head ? *head : std::nullopt;
    expected.kept = std::move(kept);
    auto verdict = verifyLog(options_.path, expected);
    EXPECT_TRUE(verdict) << verdict.error().message;
    return verdict ? *verdict : Verdict();
  }

  std::vector<std::string> types() const {
    std::vector<std::string> list;
    for (const std::string& line : lines()) {
      list.push_back(nlohmann::json::parse(line).at("type"));
    }
    return list;
  }

  std::vector<std::string> setAside() const {
    std::vector<std::string> list;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/log")) {
      if (entry.path().string().contains(".torn-")) {
        list.push_back(entry.path());
      }
    }
    return list;
  }

  std::string directory_ = "/tmp/ak-audit-test-XXXXXX";
  Log::Options options_;
  SystemClock clock_;
  observe::Log silent_;
  Redactor redactor_;
  std::unique_ptr<Log> log_;
};

}  // namespace ak::audit::testing
