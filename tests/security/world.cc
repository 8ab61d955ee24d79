#include "world.h"

#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "base/text.h"
#include "os/testing/agent_libraries.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::security {

namespace fs = std::filesystem;

namespace {

// Like kStranger, but with a range of subordinate ids of its own.
constexpr uid_t kRanged = 61'235;
constexpr const char* kRangedName = "ak-ranged";
constexpr std::uint32_t kRange = 0x40000000;

// This machine's accounts with one more, for this process and what it starts: in a mount namespace
// of its own, so that nothing of the machine is touched and a fresh one, where nobody has a range,
// serves as well.
bool joinRangedUser(std::string& why) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    why = cat("no mount namespace for an account of our own: ", errnoText(errno));
    return false;
  }
  const std::string range = cat(kRangedName, ":", kRange, ":65536\n");
  const std::pair<const char*, std::string> lines[] = {
      {"/etc/passwd", cat(kRangedName, ":x:", kRanged, ":", kRanged, "::/nonexistent:/bin/sh\n")},
      {"/etc/group", cat(kRangedName, ":x:", kRanged, ":\n")},
      {"/etc/subuid", range},
      {"/etc/subgid", range}};
  char pattern[] = "/tmp/ak-accounts-XXXXXX";
  const std::string place = ::mkdtemp(pattern);
  for (const auto& [path, line] : lines) {
    const auto before = sys::readFile(path, 1 << 20);
    const std::string file = cat(place, "/", fs::path(path).filename().string());
    std::ofstream(file) << (before ? *before : std::string()) << line;
    ::chmod(file.c_str(), 0644);
    if (::mount(file.c_str(), path, nullptr, MS_BIND, nullptr) != 0) {
      why = cat("mount on ", path, ": ", errnoText(errno));
    }
  }
  std::error_code ignored;
  fs::remove_all(place, ignored);  // what is mounted stays as long as we do
  return why.empty();
}

std::array<std::unique_ptr<World>, 3>& worlds() {
  static std::array<std::unique_ptr<World>, 3> made;
  return made;
}

// Root has every id; a user has many with a range of subordinate ones (subuid(5)).
bool hasManyIds() {
  if (::geteuid() == 0) {
    return true;
  }
  const passwd* const user = ::getpwuid(::geteuid());
  const auto ranges = sys::readFile("/etc/subuid", 1 << 20);
  return user != nullptr && ranges && ::access("/usr/bin/newuidmap", X_OK) == 0 &&
         cat("\n", *ranges).find(cat("\n", user->pw_name, ":")) != std::string::npos;
}

}  // namespace

std::optional<World::User> World::find(Who who, std::string& why) {
  if (who == Who::Self) {
    return User{::geteuid(), ::getegid(), hasManyIds()};
  }
  if (::geteuid() != 0) {
    why = "becoming another user needs root";
    return std::nullopt;
  }
  if (who == Who::Plain) {
    return User{kStranger, kStranger, false};
  }
  if (::access("/usr/bin/newuidmap", X_OK) != 0) {
    why = "newuidmap is not installed";
    return std::nullopt;
  }
  if (!joinRangedUser(why)) {
    return std::nullopt;
  }
  return User{kRanged, kRanged, true};
}

bool limitsHold(uid_t user) {
  const char* const tier = ::getenv("AK_TEST_TIER");
  return user == 0 || (user == ::geteuid() && tier != nullptr && std::string_view(tier) == "vm");
}

std::string whyNoMemoryLimit(uid_t user, const Finished& run) {
  if (limitsHold(user) || !run.err.contains("memory limit cannot be enforced")) {
    return {};
  }
  return "needs root or a delegated cgroup";
}

World* World::of(Who who, std::string& why) {
  std::unique_ptr<World>& made = worlds().at(static_cast<std::size_t>(who));
  if (!made) {
    const auto user = find(who, why);
    if (!user) {
      return nullptr;
    }
    made.reset(new World(*user));
  }
  return made.get();
}

void World::destroyAll() {
  for (auto& world : worlds()) {
    world.reset();
  }
}

World::World(const User& user) : uid_(user.uid), gid_(user.gid), many_ids_(user.many_ids) {
  char pattern[] = "/tmp/ak-sec-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) {
    throw std::runtime_error("mkdtemp");
  }
  top_ = pattern;
  home_ = top_ + "/home";
  project_ = home_ + "/project";
  ::chmod(top_.c_str(), 0755);
  fs::create_directory(top_ + "/bin");
  fs::create_directory(top_ + "/libraries");
  os::testing::addAgentLibraries(top_ + "/libraries");
  for (const char* name : {"agentkernel", "agentkerneld", "ak-launcher", "ak-agent"}) {
    fs::copy_file(cat(AK_BIN_DIR "/", name), cat(top_, "/bin/", name));
  }
  for (const std::string& path : {home_, project_, top_ + "/run", top_ + "/state"}) {
    fs::create_directory(path);
    ::chmod(path.c_str(), 0700);
    if (::chown(path.c_str(), uid_, gid_) != 0) {
      throw std::runtime_error("chown " + path);
    }
  }
  fs::copy_file(AK_HOSTILE, project_ + "/hostile");
  ::chmod((project_ + "/hostile").c_str(), 0755);
}

World::~World() {
  agentkernel({"daemon", "stop"});
  std::error_code ignored;
  fs::remove_all(top_, ignored);
}

std::unique_ptr<cli::testing::Program> World::start(const Words& words,
                                                    const std::string& where) const {
  Words all{"/usr/bin/env", "-C", where.empty() ? project_ : where};
  if (uid_ != ::geteuid()) {
    all.insert(all.end(), {"/usr/bin/setpriv", cat("--reuid=", uid_), cat("--regid=", gid_),
                           "--clear-groups", "--"});
  }
  all.insert(all.end(), words.begin(), words.end());
  const Words variables = {"HOME=" + home_, "PATH=/usr/bin:/bin",
                           "XDG_RUNTIME_DIR=" + top_ + "/run",
                           "AGENTKERNEL_STATE_DIR=" + top_ + "/state"};
  return std::make_unique<cli::testing::Program>(all, variables);
}

Finished World::host(const Words& words, const std::string& where) const {
  return start(words, where)->finish();
}

std::unique_ptr<cli::testing::Program> World::begin(const Words& words) const {
  Words all{top_ + "/bin/agentkernel"};
  all.insert(all.end(), words.begin(), words.end());
  return start(all, {});
}

Finished World::agentkernel(const Words& words, const std::string& where) const {
  Words all{top_ + "/bin/agentkernel"};
  all.insert(all.end(), words.begin(), words.end());
  return host(all, where);
}

Finished World::shell(const std::string& text, Words options) const {
  options.insert(options.begin(), "run");
  options.insert(options.end(), {"sh", "-c", text});
  return agentkernel(options);
}

Finished World::attack(const Words& words, Words options) const {
  options.insert(options.begin(), {"run", "--image", "host"});
  options.emplace_back("./hostile");
  options.insert(options.end(), words.begin(), words.end());
  return agentkernel(options);
}

void World::put(const std::string& path, const std::string& text) const {
  const Finished made =
      host({"/bin/sh", "-c", "mkdir -p \"$(dirname \"$1\")\" && printf %s \"$2\" > \"$1\"", "sh",
            path, text});
  if (made.status != 0) {
    throw std::runtime_error(made.err);
  }
}

void SecurityTest::SetUp() {
  if (::access(AK_BIN_DIR "/agentkerneld", X_OK) != 0) {
    GTEST_SKIP() << "agentkerneld is not built";
  }
  std::string why;
  world_ = World::of(GetParam(), why);
  if (world_ == nullptr) {
    GTEST_SKIP() << why;
  }
}

std::string nameOf(const ::testing::TestParamInfo<Who>& info) {
  switch (info.param) {
    case Who::Self:
      return "Self";
    case Who::Plain:
      return "Plain";
    case Who::WithRange:
      return "WithRange";
  }
  return "Unknown";
}

namespace {

class Cleaner : public ::testing::Environment {
 public:
  void TearDown() override { World::destroyAll(); }
};

const auto* const cleaner = ::testing::AddGlobalTestEnvironment(new Cleaner);

}  // namespace

}  // namespace ak::security
