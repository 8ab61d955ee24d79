// Times whole processes: start to exit, as a user waits for them.
//
//   spawn_bench latency ROUNDS PAUSE_MS COMMAND... [++ COMMAND...]...
//     Each round runs every command once, in turn, so that a drift of the machine hits all alike.
//     Before each command it waits PAUSE_MS: what the one before leaves to be done (the kernel
//     frees namespaces late, a pool is filled again) is counted neither for nor against its
//     neighbour. Prints a line per command: p50, p99 and least time in microseconds, and how many
//     failed.
//   spawn_bench rate COUNT IN_FLIGHT COMMAND...
//     Runs the command COUNT times, IN_FLIGHT at a time. Prints commands per second and failures.
//
// The commands get no input and their output is dropped. posix_spawn uses CLONE_VFORK, so that the
// size of this program does not count.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Argv = std::vector<char*>;  // ends with nullptr

class NullStreams {
 public:
  NullStreams() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 2, "/dev/null", O_WRONLY, 0);
  }

  NullStreams(const NullStreams&) = delete;
  NullStreams& operator=(const NullStreams&) = delete;

  ~NullStreams() { posix_spawn_file_actions_destroy(&actions_); }

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// -1 when it could not be started.
pid_t start(const Argv& argv, const NullStreams& streams) {
  pid_t pid = -1;
  return posix_spawnp(&pid, argv[0], streams.get(), nullptr, argv.data(), environ) == 0 ? pid : -1;
}

bool waitFor(pid_t pid) {
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

struct Samples {
  std::vector<double> microseconds;
  int failures = 0;
};

void printLatency(Samples& samples) {
  std::vector<double>& all = samples.microseconds;
  std::ranges::sort(all);
  const auto at = [&](double part) {
    return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
  };
  std::printf("%.1f %.1f %.1f %d\n", at(0.5), at(0.99), all.front(), samples.failures);
}

int latency(int rounds, std::chrono::milliseconds pause, const std::vector<Argv>& commands) {
  const NullStreams streams;
  std::vector<Samples> samples(commands.size());
  constexpr int kWarmUps = 3;
  for (int round = -kWarmUps; round < rounds; ++round) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      std::this_thread::sleep_for(pause);
      const Clock::time_point begin = Clock::now();
      const bool good = waitFor(start(commands[i], streams));
      const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
      if (round >= 0) {
        samples[i].microseconds.push_back(took.count());
        samples[i].failures += good ? 0 : 1;
      }
    }
  }
  for (Samples& one : samples) {
    printLatency(one);
  }
  return 0;
}

int rate(int count, int in_flight, const Argv& command) {
  const NullStreams streams;
  int failures = 0;
  int running = 0;
  const Clock::time_point begin = Clock::now();
  for (int started = 0; started < count || running > 0;) {
    if (started < count && running < in_flight) {
      ++started;
      start(command, streams) > 0 ? ++running : ++failures;
      continue;
    }
    int status = 0;
    if (::waitpid(-1, &status, 0) > 0) {
      --running;
      failures += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("%.1f %d\n", count / took.count(), failures);
  return 0;
}

int number(const char* text) {
  int value = 0;
  const char* end = text + std::strlen(text);
  return std::from_chars(text, end, value).ptr == end && value > 0 ? value : 0;
}

int usage() {
  std::fputs(
      "usage: spawn_bench latency ROUNDS PAUSE_MS COMMAND... [++ COMMAND...]...\n"
      "       spawn_bench rate COUNT IN_FLIGHT COMMAND...\n",
      stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "latency" && argc > 4 && number(argv[2]) > 0 && number(argv[3]) > 0) {
    std::vector<Argv> commands(1);
    for (char** word = argv + 4; *word != nullptr; ++word) {
      if (std::string_view(*word) == "++") {
        commands.back().push_back(nullptr);
        commands.emplace_back();
      } else {
        commands.back().push_back(*word);
      }
    }
    commands.back().push_back(nullptr);
    const bool whole =
        std::ranges::all_of(commands, [](const Argv& one) { return one.size() > 1; });
    return whole ? latency(number(argv[2]), std::chrono::milliseconds(number(argv[3])), commands)
                 : usage();
  }
  if (mode == "rate" && argc > 4 && number(argv[2]) > 0 && number(argv[3]) > 0) {
    return rate(number(argv[2]), number(argv[3]), Argv(argv + 4, argv + argc + 1));
  }
  return usage();
}
