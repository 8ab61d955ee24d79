#include "backend/native/pool.h"

#include <algorithm>

#include "base/text.h"

namespace ak::backend {

namespace {

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
