#pragma once

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/launcher_harness.h"

// Tests only: what the files of LauncherTest share.
namespace ak::launch {

// As root, and rootless when an ordinary user runs them.
class LauncherTest : public ::testing::Test {
 protected:
  static bool root() { return ::geteuid() == 0; }

  // Who owns a project: root starts sandboxes for anybody.
  static uid_t projectOwner() { return root() ? 1234 : ::geteuid(); }

  static void giveToProjectOwner(const std::string& path) {
    ASSERT_EQ(::chown(path.c_str(), projectOwner(), root() ? 1234 : ::getegid()), 0) << path;
  }

  static void setProjectOwner(model::BoxIdentity& identity) {
    identity.workspace.owner_uid = projectOwner();
    identity.workspace.owner_gid = root() ? 1234 : ::getegid();
  }
};

}  // namespace ak::launch
