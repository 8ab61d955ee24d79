#include "manager/event_feed.h"

#include <algorithm>

namespace ak::manager {

EventFeed::EventFeed(net::Executor executor, const Clock& clock, Random& random)
    : clock_(clock), instance_(random.hex(4)), published_(std::move(executor)) {}

void EventFeed::publish(std::string_view type,
                        const model::SandboxRecord& sandbox,
                        std::vector<SandboxEvent::Detail> details) {
  if (kept_.size() == kKept) {
    kept_.pop_front();
  }
  kept_.push_back({++newest_, type, formatTime(clock_.wall()), sandbox.name, sandbox.uuid,
                   sandbox.labels, std::move(details)});
  published_.notifyAll();
}

EventFeed::Batch EventFeed::since(std::uint64_t number) const {
  const std::uint64_t fresh = newest_ - std::min(number, newest_);
  const std::size_t there = std::min<std::uint64_t>(fresh, kept_.size());
  Batch batch;
  batch.missed = fresh - there;
  batch.events.assign(kept_.end() - static_cast<std::ptrdiff_t>(there), kept_.end());
  return batch;
}

net::Task<void> EventFeed::changed() {
  return published_.wait();
}

}  // namespace ak::manager
