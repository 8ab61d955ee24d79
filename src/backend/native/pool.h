#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <unordered_set>

#include "backend/backend.h"
#include "backend/native/launcher_client.h"
#include "base/random.h"
#include "net/event.h"
#include "net/task_group.h"

namespace ak::backend {

// Boxes parked in the launcher's last privileged stage, waiting for an identity. A parked box
// serves a request whose BoxSpec is the same in everything but id and ids; it is claimed once and
// never comes back. Filled in the background, one box at a time, and never while a start is under
// way: making a box costs more than claiming one, and the launcher does one thing at a time.
class Pool {
 public:
  struct Parked {
    std::string id;
    model::IdRange ids;
  };

  Pool(net::Executor executor,
       LauncherClient& launcher,
       const NativeOptions& options,
       Random& random);

  // Exists while a box is being started; after the last one of them the pool is filled again.
  class Start {
   public:
    explicit Start(Pool& pool) : pool_(pool) { ++pool_.starts_; }

    ~Start() { pool_.startOver(); }

    Start(const Start&) = delete;
    Start& operator=(const Start&) = delete;

   private:
    Pool& pool_;
  };

  // A box for `spec`, or nothing; counts hit or miss. Waits for a box that is just being made if
  // nobody else does. The caller holds a Start.
  net::Task<std::optional<Parked>> claim(model::BoxSpec spec);
  // Has boxes for `spec` made.
  void warm(const model::BoxSpec& spec);
  // A parked box that could not be claimed after all: ended.
  void drop(Parked box);

  // Ends `count` parked boxes, oldest kind first, and makes no more until the next claim or warm.
  net::Task<void> shrink(std::uint32_t count);
  // They died with the launcher.
  void forgetAll();
  net::Task<void> close();
  PoolStats stats() const;
  std::unordered_set<std::string> ids() const;

 private:
  struct Kind {
    std::string key;
    model::BoxSpec spec;  // without id and ids
    std::list<Parked> warm;
  };

  Kind& kindOf(const model::BoxSpec& spec);
  std::uint32_t warmCount() const;

  bool enabled() const { return options_.pool_max != 0 && options_.take_ids != nullptr; }

  Kind* nextToFill();
  std::optional<Parked> take(const model::BoxSpec& spec);
  void startOver();
  net::Task<void> untilQuiet();
  void fill();
  net::Task<void> fillLoop();
  net::Task<Status> fillOne(Kind& kind);
  net::Task<void> discard(Parked box);
  bool makeRoom();

  LauncherClient& launcher_;
  const NativeOptions& options_;
  Random& random_;
  net::TaskGroup tasks_;
  std::list<Kind> kinds_;  // most recently wanted first; never removed while the fill loop runs
  bool filling_ = false;
  std::string parking_;  // id of the box that is being made, "" between two
  std::string parking_key_;
  net::Event changed_;  // a box was parked or could not be, or the last start is over
  std::uint32_t starts_ = 0;
  std::chrono::steady_clock::time_point last_start_;
  bool awaited_ = false;  // somebody waits for the box that is being made
  bool paused_ = false;
  bool closing_ = false;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace ak::backend
