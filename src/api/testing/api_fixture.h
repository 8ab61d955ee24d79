#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api/router.h"
#include "api/testing/fake_manager.h"
#include "net/testing/raw_client.h"
#include "net/testing/server_thread.h"
#include "sys/random.h"

namespace ak::api::testing {

class FakeDoctor final : public manager::Doctor {
 public:
  net::Task<std::vector<manager::DoctorCheck>> check() override {
    co_return std::vector<manager::DoctorCheck>{
        {"backend", manager::CheckStatus::Ok, "works", ""},
        {"cgroup", manager::CheckStatus::Warning, "no memory controller", "Delegate it."}};
  }
};

class FakeImages final : public image::ImageStore {
 public:
  std::vector<std::string> last_in_use;

  Result<image::ResolvedImage> resolve(std::string_view) override {
    return fail(ErrorCode::NotFound, "no such image");
  }

  bool hostHasCommand(std::string_view) override { return true; }

  Result<image::ImageInfo> import(const std::string& path, const std::string& name) override {
    if (path != "/root.tar") {
      return fail(ErrorCode::NotFound, "no such file", "Check the path.");
    }
    return image::ImageInfo{name, "sha256:abc", 10, {}, 1};
  }

  Result<std::vector<image::ImageInfo>> list() override {
    return std::vector<image::ImageInfo>{{"localhost:5000/app:v1", "sha256:used", 100, {}, 2},
                                         {"", "sha256:old", 7, {}, 1}};
  }

  Status remove(std::string_view reference, const std::vector<std::string>& in_use) override {
    last_in_use = in_use;
    return reference == "a/b:c" ? Status{} : fail(ErrorCode::NotFound, "no such image");
  }

  Result<image::PruneResult> prune(const std::vector<std::string>& in_use) override {
    last_in_use = in_use;
    return image::PruneResult{{"sha256:old"}, 7};
  }
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/ak-api-test-XXXXXX";
};

// A router over test doubles behind a real server on a real socket.
class ApiFixture : public ::testing::Test {
 protected:
  net::testing::RawClient client() { return net::testing::RawClient(thread_.path()); }

  // `data` of a successful answer.
  static nlohmann::json data(const net::testing::RawResponse& response) {
    const nlohmann::json body = nlohmann::json::parse(response.body, nullptr, false);
    EXPECT_TRUE(body.is_object() && body.value("success", false)) << response.body;
    return body.is_object() ? body.value("data", nlohmann::json()) : nlohmann::json();
  }

  // The whole body of a failure.
  static nlohmann::json failureOf(const net::testing::RawResponse& response) {
    const nlohmann::json body = nlohmann::json::parse(response.body, nullptr, false);
    EXPECT_TRUE(body.is_object() && !body.value("success", true)) << response.body;
    return body.is_object() ? body : nlohmann::json::object();
  }

  static net::HttpOptions options() {
    net::HttpOptions options;
    options.common_headers = Router::kCommonHeaders;
    return options;
  }

  static env::Paths pathsIn(const std::string& directory) {
    env::Paths paths;
    paths.config_directory = directory;
    paths.user_config = directory + "/config.toml";
    paths.trust_file = directory + "/trust.toml";
    return paths;
  }

  net::Loop loop_;
  net::WorkerPool workers_{1};
  SystemClock clock_;
  FakeManager manager_;
  FakeDoctor doctor_;
  FakeImages images_;
  TemporaryDirectory directory_;
  manager::UserSettings user_{directory_.path() + "/config.toml",
                              directory_.path() + "/trust.toml"};
  manager::SettingsDesk settings_{workers_, user_, pathsIn(directory_.path()), clock_};
  observe::Metrics metrics_;
  observe::Log silent_;
  std::promise<void> stopped_;
  manager::Auditor auditor_{loop_.executor(),
                            audit::Log::open({.path = directory_.path() + "/audit.jsonl",
                                              .head_path = directory_.path() + "/audit.head"},
                                             clock_,
                                             silent_),
                            audit::Redactor(), clock_};
  sys::KernelRandom random_;
  manager::EventFeed events_{loop_.executor(), clock_, random_};
  Router router_{Context{.unaudited = manager_,
                         .auditor = auditor_,
                         .doctor = doctor_,
                         .settings = settings_,
                         .metrics = metrics_,
                         .events = events_,
                         .images = images_,
                         .workers = workers_,
                         .clock = clock_,
                         .backends = {},
                         .stop_daemon = [this] { stopped_.set_value(); },
                         .started_at = clock_.steady(),
                         .state_directory = directory_.path(),
                         .heartbeat = std::chrono::milliseconds(20)}};
  net::testing::ServerThread thread_{loop_, router_, options()};
};

}  // namespace ak::api::testing
