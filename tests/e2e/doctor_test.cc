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

// There root may do all else and a start fails all the same: user_namespaces(7), EPERM.
TEST_F(DoctorTest, SaysThatAChrootHasNoNamespaces) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root for a chroot";
  }
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/root"));
  const std::string script =
      "mount --make-rprivate / && mount --rbind / \"$0\" && exec /usr/sbin/chroot "
      "\"$0\" " AK_BIN_DIR "/agentkernel ";
  const auto inside = [&](const std::string& command) {
    return Program({"/usr/bin/unshare", "-m", "sh", "-c", script + command, home() + "/root"},
                   variables())
        .finish();
  };
  const Finished doctor = inside("doctor");
  EXPECT_EQ(doctor.status, 1) << doctor.err;
  EXPECT_NE(doctor.out.find("FAILED  backend: native: clone: this system does not let us make"),
            std::string::npos)
      << doctor.out;
  EXPECT_NE(doctor.out.find("A chroot has none"), std::string::npos) << doctor.out;
  // It is what a start says.
  const Finished run = inside("run --mount none true");
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("A chroot has none"), std::string::npos) << run.err;
  EXPECT_EQ(inside("daemon stop").status, 0);
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
