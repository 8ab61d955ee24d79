#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/testing/program.h"

namespace ak::security {

enum class Who {
  Self,      // whoever runs the tests: root as a rule
  Plain,     // an ordinary user with a single id
  WithRange  // an ordinary user with subordinate ids, made for the tests
};

// Of nobody on any machine: ordinary users begin at 1000, and system ones end below.
inline constexpr uid_t kStranger = 61'234;

using Words = std::vector<std::string>;
using cli::testing::Finished;

// Limits by control groups must hold: for root, and in the guest of the vm tier for the tests' own
// user, which has a delegated group.
bool limitsHold(uid_t user);

// Why memory limits cannot be tested, by the answer to a run that asked for one; empty where they
// must hold.
std::string whyNoMemoryLimit(uid_t user, const Finished& run);

// One user of this machine with the built programs, a home, a project and a daemon of its own that
// the first command starts. Made once for each test program; destroyed with all that it started.
class World {
 public:
  // Nothing, and `why` filled in, where such a user cannot be had here.
  static World* of(Who who, std::string& why);
  static void destroyAll();

  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // agentkernel WORDS in directory `where` (default: the project).
  Finished agentkernel(const Words& words, const std::string& where = {}) const;
  // The same, not waited for; ended with the value.
  std::unique_ptr<cli::testing::Program> begin(const Words& words) const;
  // The same with `run` and a shell text in the sandbox.
  Finished shell(const std::string& text, Words options = {}) const;
  // A hostile program's attack in a sandbox: status 0 when nothing worked.
  Finished attack(const Words& words, Words options = {}) const;
  // On the host, as this user.
  Finished host(const Words& words, const std::string& where = {}) const;

  // Throws unless the file is there afterwards with these bytes, as this user's.
  void put(const std::string& path, const std::string& text) const;

  const std::string& home() const { return home_; }

  const std::string& project() const { return project_; }

  const std::string& top() const { return top_; }

  bool root() const { return uid_ == 0; }

  bool manyIds() const { return many_ids_; }

  uid_t uid() const { return uid_; }

 private:
  std::unique_ptr<cli::testing::Program> start(const Words& words, const std::string& where) const;

  struct User {
    uid_t uid;
    gid_t gid;
    bool many_ids;
  };

  explicit World(const User& user);
  static std::optional<User> find(Who who, std::string& why);

  uid_t uid_;
  gid_t gid_;
  bool many_ids_;
  std::string top_;
  std::string home_;
  std::string project_;
};

// Each test runs once for each kind of user.
class SecurityTest : public ::testing::TestWithParam<Who> {
 protected:
  void SetUp() override;

  World& world() { return *world_; }

 private:
  World* world_ = nullptr;
};

std::string nameOf(const ::testing::TestParamInfo<Who>& info);

}  // namespace ak::security
