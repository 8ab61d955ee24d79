#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"

// The built programs in a directory of their own, and what they have left in the machine.
namespace ak::fault {

using cli::testing::Finished;
using cli::testing::Program;
using Words = std::vector<std::string>;

// Polls, for what other processes do on their own; false after `limit`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds limit = std::chrono::seconds(40));

// The default tier runs few cycles, the full one many.
int cyclesOf(int in_default_tier, int in_full_tier);

// This process becomes the parent of every orphan below it, so that what the programs leave behind
// is found among its descendants, whoever started and whoever killed it.
class House {
 public:
  House();
  ~House();
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  const std::string& directory() const { return directory_.path(); }

  std::string runtime() const { return directory() + "/run/agentkernel"; }

  std::string state() const { return directory() + "/state"; }

  // The project directory: where commands are run.
  std::string project() const { return directory() + "/project"; }

  // The whole command line of `agentkernel WORDS`, in the project directory.
  Words command(Words words) const;

  Program start(Words words) const { return Program(command(std::move(words)), variables); }

  Finished agentkernel(Words words, std::string_view input = {}) const;

  // Descendants whose first word ends in `program`, zombies not counted.
  std::set<pid_t> processes(std::string_view program) const;
  // The one that runs; 0 when there is none.
  pid_t daemon() const;
  pid_t launcher() const;

  // A kill -9 that is complete: the process is gone when this returns. False when it was before.
  bool kill(pid_t process) const;
  // A field of `inspect`.
  std::string inspect(const std::string& name, const std::string& field) const;

  // Remembers the ids of the boxes that there are now, for leftovers().
  void noteBoxes();
  // After everything was removed and the daemon has stopped: one line for each thing left behind.
  std::vector<std::string> leftovers();
  // Removes all sandboxes, stops the daemon, and expects that nothing is left.
  void expectNothingLeft();

 private:
  client::testing::TemporaryDirectory directory_;

 public:
  Words variables;  // of the programs

 private:
  std::set<std::string> boxes_;
};

}  // namespace ak::fault
