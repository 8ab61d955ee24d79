#include "backend/native/pool.h"

#include <algorithm>

#include "base/text.h"
#include "net/loop.h"

namespace ak::backend {

namespace {

// Kinds remembered without a warm box; a client can vary its limits at will.
constexpr std::size_t kMaxKinds = 16;
// After a start, before the pool is filled: short when the next start would find nothing, but
// beyond the end of a short command; long while there is a box left, so that work goes first.
constexpr std::chrono::milliseconds kPauseWhenEmpty{2};
constexpr std::chrono::milliseconds kPause{20};

// Equal in all that a claim can not change.
std::string keyOf(const model::BoxSpec& spec) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Park;
  request.spec = spec;
  return model::encode(request);
}

}  // namespace

Pool::Pool(net::Executor executor,
           LauncherClient& launcher,
           const NativeOptions& options,
           Random& random)
    : launcher_(launcher),
      options_(options),
      random_(random),
      tasks_(executor),
      changed_(executor) {}

Pool::Kind& Pool::kindOf(const model::BoxSpec& spec) {
  model::BoxSpec plain = spec;
  plain.id.clear();
  plain.ids = {};
  std::string key = keyOf(plain);
  const auto found = std::ranges::find(kinds_, key, &Kind::key);
  if (found != kinds_.end()) {
    kinds_.splice(kinds_.begin(), kinds_, found);
  } else {
    kinds_.push_front(Kind{std::move(key), std::move(plain), {}});
  }
  return kinds_.front();
}

std::optional<Pool::Parked> Pool::take(const model::BoxSpec& spec) {
  Kind& kind = kindOf(spec);
  if (kind.warm.empty()) {
    return std::nullopt;
  }
  Parked box = std::move(kind.warm.front());
  kind.warm.pop_front();
  return box;
}

net::Task<std::optional<Pool::Parked>> Pool::claim(model::BoxSpec spec) {
  if (!enabled() || closing_) {
    ++misses_;
    co_return std::nullopt;
  }
  paused_ = false;
  std::optional<Parked> box = take(spec);
  if (!box && !awaited_ && !parking_.empty() && parking_key_ == kinds_.front().key) {
    struct Waiting {  // also when cancelled
      bool& flag;

      ~Waiting() { flag = false; }
    } const waiting{awaited_ = true};

    for (const std::string made = parking_; parking_ == made;) {
      co_await changed_.wait();
    }
    box = take(spec);
  }
  ++(box ? hits_ : misses_);
  co_return box;
}

void Pool::startOver() {
  last_start_ = std::chrono::steady_clock::now();
  if (--starts_ == 0) {
    changed_.notifyAll();
    fill();
  }
}

// Until no start is under way and the pause after the last one has passed.
net::Task<void> Pool::untilQuiet() {
  while (!closing_) {
    if (starts_ != 0) {
      co_await changed_.wait();
      continue;
    }
    const bool empty = !kinds_.empty() && kinds_.front().warm.empty();
    const auto left =
        last_start_ + (empty ? kPauseWhenEmpty : kPause) - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      co_return;
    }
    co_await net::sleepFor(left);
  }
}

void Pool::warm(const model::BoxSpec& spec) {
  if (enabled() && !closing_) {
    paused_ = false;
    (void)kindOf(spec);
    fill();
  }
}

void Pool::drop(Parked box) {
  tasks_.spawn(discard(std::move(box)));
}

std::uint32_t Pool::warmCount() const {
  std::size_t count = 0;
  for (const Kind& kind : kinds_) {
    count += kind.warm.size();
  }
  return static_cast<std::uint32_t>(count);
}

// The most recently wanted kind that lacks a box and for which there is or can be made room.
Pool::Kind* Pool::nextToFill() {
  if (paused_ || closing_) {
    return nullptr;
  }
  for (Kind& kind : kinds_) {
    if (kind.warm.size() < options_.pool_size) {
      return warmCount() < options_.pool_max || &kind == &kinds_.front() ? &kind : nullptr;
    }
  }
  return nullptr;
}

void Pool::fill() {
  if (!filling_ && nextToFill() != nullptr) {
    filling_ = true;
    tasks_.spawn(fillLoop());
  }
}

net::Task<void> Pool::fillLoop() {
  struct Done {  // also when cancelled
    bool& flag;

    ~Done() { flag = false; }
  } const done{filling_};

  for (;;) {
    co_await untilQuiet();
    Kind* const kind = nextToFill();
    if (kind == nullptr) {
      break;
    }
    if (warmCount() >= options_.pool_max && !makeRoom()) {
      co_return;
    }
    const Status filled = co_await fillOne(*kind);
    if (!filled) {
      // No loop of failures: the next claim or warm tries again.
      options_.log->warning("pool", cat("could not park a box: ", filled.error().message));
      co_return;
    }
  }
  while (kinds_.size() > kMaxKinds && kinds_.back().warm.empty()) {
    kinds_.pop_back();
  }
}

// Gives up a box of the kind that was wanted longest ago.
bool Pool::makeRoom() {
  const auto oldest = std::ranges::find_if(kinds_.rbegin(), std::prev(kinds_.rend()),
                                           [](const Kind& kind) { return !kind.warm.empty(); });
  if (oldest == std::prev(kinds_.rend())) {
    return false;
  }
  drop(std::move(oldest->warm.front()));
  oldest->warm.pop_front();
  return true;
}

net::Task<Status> Pool::fillOne(Kind& kind) {
  Parked box;
  box.id = cat("pool-", random_.hex(8));
  box.ids = AK_CO_TRY(options_.take_ids());

  struct Parking {  // over at the end, however that comes

    explicit Parking(Pool& owner, const Parked& made, const Kind& like) : pool(owner) {
      pool.parking_ = made.id;
      pool.parking_key_ = like.key;
    }

    ~Parking() {
      pool.parking_.clear();
      pool.changed_.notifyAll();
    }

    Pool& pool;
  } const parking(*this, box, kind);

  struct Lent {  // the range goes back unless a parked box holds it
    const NativeOptions& options;
    model::IdRange ids;
    bool kept = false;

    ~Lent() {
      if (!kept) {
        options.return_ids(ids);
      }
    }
  } lent{options_, box.ids};

  model::LauncherRequest request;
  request.op = model::LauncherOp::Park;
  request.spec = kind.spec;
  request.spec.id = box.id;
  request.spec.ids = launcher_.idsOr(box.ids);
  auto answer = co_await launcher_.call(std::move(request));
  if (!answer && answer.error().code == ErrorCode::Timeout) {
    lent.kept = true;  // it may exist by now; discard() gives the range back
    drop(std::move(box));
  }
  if (!answer) {
    co_return std::unexpected(std::move(answer).error());
  }
  lent.kept = true;
  kind.warm.push_back(std::move(box));
  co_return Status();
}

net::Task<void> Pool::discard(Parked box) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Discard;
  request.id = box.id;
  const auto answer = co_await launcher_.call(std::move(request));
  if (!answer) {
    options_.log->warning("pool", cat("could not end ", box.id, ": ", answer.error().message));
  }
  options_.return_ids(box.ids);
}

net::Task<void> Pool::shrink(std::uint32_t count) {
  paused_ = true;
  for (auto kind = kinds_.rbegin(); kind != kinds_.rend(); ++kind) {
    while (count != 0 && !kind->warm.empty()) {
      Parked box = std::move(kind->warm.front());
      kind->warm.pop_front();
      --count;
      co_await discard(std::move(box));
    }
  }
}

void Pool::forgetAll() {
  for (Kind& kind : kinds_) {
    for (const Parked& box : kind.warm) {
      options_.return_ids(box.ids);
    }
    kind.warm.clear();
  }
}

net::Task<void> Pool::close() {
  // A box that is being parked is waited for: cancelling would leave it to nobody.
  closing_ = true;
  changed_.notifyAll();
  co_await tasks_.join();
  co_await shrink(UINT32_MAX);
}

std::unordered_set<std::string> Pool::ids() const {
  std::unordered_set<std::string> ids;
  for (const Kind& kind : kinds_) {
    for (const Parked& box : kind.warm) {
      ids.insert(box.id);
    }
  }
  if (!parking_.empty()) {
    ids.insert(parking_);
  }
  return ids;
}

PoolStats Pool::stats() const {
  PoolStats stats;
  stats.warm = warmCount();
  stats.filling = filling_ ? 1 : 0;
  stats.target = enabled() ? options_.pool_size : 0;
  stats.max = options_.pool_max;
  stats.hits = hits_;
  stats.misses = misses_;
  return stats;
}

}  // namespace ak::backend
