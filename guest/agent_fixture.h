#pragma once

#include <gtest/gtest.h>

#include "guest/test_agent.h"

namespace ak::guest::test {

// Every test runs against the agent as an ordinary process and as PID 1 of a pid namespace.
class AgentTest : public testing::TestWithParam<Role> {
 protected:
  void SetUp() override {
    if (GetParam() == Role::Init && ::geteuid() != 0) {
      GTEST_SKIP() << "making a pid namespace without a user namespace needs root";
    }
  }
};

inline std::string roleName(const testing::TestParamInfo<Role>& info) {
  return info.param == Role::Init ? "AsInit" : "AsProcess";
}

inline wire::ExecRequest command(std::vector<std::string> argv) {
  wire::ExecRequest request;
  request.argv = std::move(argv);
  return request;
}

// `line` so that a test can say "sh -c line".
inline wire::ExecRequest shellCommand(const std::string& line) {
  return command({"/bin/sh", "-c", line});
}

}  // namespace ak::guest::test
