#include "house.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ak::fault {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> namesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;  // a directory that is not there holds nothing
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

struct Seen {
  pid_t parent = 0;
  bool zombie = false;
  std::string program;
};

std::map<pid_t, Seen> allProcesses() {
  std::map<pid_t, Seen> all;
  for (const std::string& name : namesIn("/proc")) {
    const auto pid = parseNumber<pid_t>(name);
    const auto stat = sys::readFile(cat("/proc/", name, "/stat"), 4096);
    if (!pid || !stat) {
      continue;  // no process, or one that ended meanwhile
    }
    const auto fields = split(std::string_view(*stat).substr(stat->rfind(')') + 2), ' ');
    const auto line = sys::readFile(cat("/proc/", name, "/cmdline"), 65536);
    const std::string first = line ? line->c_str() : "";
    all[*pid] = {parseNumber<pid_t>(fields[1]).value_or(0), fields[0] == "Z",
                 first.substr(first.rfind('/') + 1)};
  }
  return all;
}

std::map<pid_t, Seen> descendants() {
  const std::map<pid_t, Seen> all = allProcesses();
  std::map<pid_t, Seen> ours;
  for (const auto& [pid, seen] : all) {
    for (pid_t up = seen.parent; up > 0 && all.contains(up); up = all.at(up).parent) {
      if (up == ::getpid() && !seen.zombie) {
        ours[pid] = seen;
        break;
      }
    }
  }
  return ours;
}

// In every hierarchy, and wherever in it: an ordinary user's are below the group it was given.
void cgroupsNamed(const std::set<std::string>& boxes,
                  const fs::path& below,
                  std::vector<std::string>& left) {
  std::error_code error;  // of groups that end meanwhile
  for (const auto& entry : fs::directory_iterator(below, error)) {
    if (entry.is_symlink() || !entry.is_directory(error)) {
      continue;
    }
    const fs::path& path = entry.path();
    if (below.filename() == "agentkernel" && boxes.contains(path.filename())) {
      left.push_back(cat("cgroup ", path.string()));
    }
    cgroupsNamed(boxes, path, left);
  }
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    constexpr std::chrono::milliseconds pause(5);
    std::this_thread::sleep_for(pause);  // between looks, not synchronisation
  }
  return true;
}

int cyclesOf(int in_default_tier, int in_full_tier) {
  const char* const tier = ::getenv("AK_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "full" ? in_full_tier : in_default_tier;
}

House::House()
    : variables({"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
                 "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
                 "AGENTKERNEL_STATE_DIR=" + directory_.path() + "/state"}) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::signal(SIGPIPE, [](int) {});  // a handler, for an ignored signal would be inherited
  EXPECT_TRUE(sys::makePrivateDirectory(directory() + "/run"));
  EXPECT_TRUE(sys::makePrivateDirectory(project()));
}

House::~House() {
  // A test that failed half-way must not leave its programs to the next one.
  for (const auto& [pid, seen] : descendants()) {
    ::kill(pid, SIGKILL);
  }
  eventually([] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return descendants().empty();
  });
}

Words House::command(Words words) const {
  Words all = {"/usr/bin/env", "-C", project(), AK_BIN_DIR "/agentkernel"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Finished House::agentkernel(Words words, std::string_view input) const {
  Program program = start(std::move(words));
  if (!input.empty()) {
    EXPECT_TRUE(sys::writeAll(program.input(), input));
  }
  return program.finish();
}

std::set<pid_t> House::processes(std::string_view program) const {
  std::set<pid_t> found;
  for (const auto& [pid, seen] : descendants()) {
    if (seen.program == program) {
      found.insert(pid);
    }
  }
  return found;
}

pid_t House::daemon() const {
  const auto found = processes("agentkerneld");
  return found.empty() ? 0 : *found.begin();
}

pid_t House::launcher() const {
  const auto found = processes("ak-launcher");
  return found.empty() ? 0 : *found.begin();
}

bool House::kill(pid_t process) const {
  const Result<sys::OwnedFd> opened = sys::openPidFd(process);
  const bool hit = opened && sys::signalPidFd(opened->get(), SIGKILL);
  // A zombie's threads may still hold its sockets; the descriptor tells of the last one's end.
  pollfd state{hit ? opened->get() : -1, POLLIN, 0};
  EXPECT_TRUE(!hit || ::poll(&state, 1, 40'000) == 1);
  return hit;
}

std::string House::inspect(const std::string& name, const std::string& field) const {
  const Finished shown = agentkernel({"inspect", "--json", name});
  const auto parsed = nlohmann::json::parse(shown.out, nullptr, false);
  const auto& body = parsed.is_array() && !parsed.empty() ? parsed[0] : parsed;
  if (!body.is_object() || !body.contains(field)) {
    ADD_FAILURE() << "no " << field << " in: " << shown.out << shown.err;
    return {};
  }
  return body[field].is_string() ? body[field].get<std::string>() : body[field].dump();
}

void House::noteBoxes() {
  for (const std::string& name : namesIn(runtime() + "/boxes")) {
    boxes_.insert(name);
  }
}

std::vector<std::string> House::leftovers() {
  std::vector<std::string> left;
  for (const auto& [pid, seen] : descendants()) {
    left.push_back(cat("process ", pid, " ", seen.program));
  }
  for (const char* place : {"/run/agentkernel/boxes", "/run/agentkernel/b",
                            "/run/agentkernel/reserved", "/state/sandboxes", "/state/layers"}) {
    for (const std::string& name : namesIn(directory() + place)) {
      left.push_back(cat(place, "/", name));
    }
  }
  const auto mounts = sys::readFile("/proc/self/mountinfo", 16U << 20U);
  if (!mounts || mounts->find(directory()) != std::string::npos) {
    left.emplace_back("a mount");
  }
  cgroupsNamed(boxes_, "/sys/fs/cgroup", left);
  return left;
}

void House::expectNothingLeft() {
  noteBoxes();
  const auto listed = nlohmann::json::parse(agentkernel({"list", "--json"}).out, nullptr, false);
  for (const auto& sandbox : listed) {
    const Finished removed = agentkernel({"rm", sandbox["name"].get<std::string>()});
    // A one-shot sandbox may have ended by itself meanwhile.
    EXPECT_TRUE(removed.status == 0 || removed.err.contains("no sandbox named")) << removed.err;
  }
  const auto taken =
      nlohmann::json::parse(agentkernel({"snapshot", "list", "--json"}).out, nullptr, false);
  for (const auto& snapshot : taken) {
    const Finished removed = agentkernel({"snapshot", "rm", snapshot["name"].get<std::string>()});
    EXPECT_EQ(removed.status, 0) << removed.err;
  }
  agentkernel({"daemon", "stop"});
  std::vector<std::string> left;
  eventually([&] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    left = leftovers();
    return left.empty();
  });
  EXPECT_TRUE(left.empty()) << "left behind: " << join(left, "\n");
}

}  // namespace ak::fault
