// `doctor` when no daemon can start: it says why not, in the same form as ever.
#include <nlohmann/json.hpp>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class DoctorTest : public ScratchHome {
 protected:
  Finished doctor(const std::string& variable) const {
    Words environment = variables();
    environment.push_back(variable);
    return Program(words({"doctor", "--json"}), environment).finish();
  }

  static json checkNamed(const json& report, std::string_view name) {
    for (const json& check : report.value("checks", json::array())) {
      if (check.value("name", "") == name) {
        return check;
      }
    }
    return json::object();
  }
};

TEST_F(DoctorTest, SaysThatTheProgramIsMissing) {
  const Finished finished = doctor("AGENTKERNEL_DAEMON=/nonexistent/agentkerneld");
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(finished.err, "");
  const json report = json::parse(finished.out, nullptr, false);
  EXPECT_EQ(report.value("healthy", true), false);
  const json daemon = checkNamed(report, "daemon");
  EXPECT_EQ(daemon.value("status", ""), "error");
  EXPECT_NE(daemon.value("message", "").find("/nonexistent/agentkerneld"), std::string::npos);
  EXPECT_FALSE(daemon.value("remedy", "").empty());
}

TEST_F(DoctorTest, AddsTheChecksThatNeedNoDaemon) {
  write(home() + "/file", "");
  Words environment = variables();
  environment.back() = "AGENTKERNEL_STATE_DIR=" + home() + "/file/state";
  const Finished finished = Program(words({"doctor", "--json"}), environment).finish();
  EXPECT_EQ(finished.status, 1);
  const json report = json::parse(finished.out, nullptr, false);
  EXPECT_NE(checkNamed(report, "daemon").value("message", "").find("Not a directory"),
            std::string::npos)
      << finished.out;
  EXPECT_FALSE(checkNamed(report, "kernel").value("message", "").empty()) << finished.out;
  const bool pasta = ::access("/usr/bin/pasta", X_OK) == 0;
  EXPECT_EQ(checkNamed(report, "network_full").value("status", ""), pasta ? "ok" : "info");
  // And for people.
  const Finished shown = Program(words({"doctor"}), environment).finish();
  EXPECT_EQ(shown.status, 1);
  EXPECT_TRUE(shown.out.starts_with("FAILED  daemon: ")) << shown.out;
  EXPECT_NE(shown.out.find("ok      kernel: "), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("info    configuration: no "), std::string::npos) << shown.out;
}

}  // namespace
}  // namespace ak::e2e
