// The background half of the pool: when to make boxes, of what kind, and how many.
#include <algorithm>

#include "backend/native/pool.h"
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

}  // namespace

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

}  // namespace ak::backend
