#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "net/event.h"

namespace ak::forward {

class Slots;

// A place that is given back with it.
class Slot {
 public:
  explicit Slot(Slots& of) : of_(&of) {}

  Slot(Slot&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}

  Slot& operator=(Slot&&) = delete;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot();

 private:
  Slots* of_;
};

// A number of places; those of a part are also the whole's. Outlives its Slots.
class Slots {
 public:
  Slots(net::Executor executor, std::size_t most, Slots* whole = nullptr)
      : most_(most), whole_(whole), freed_(std::move(executor)) {}

  // Nothing when none is free.
  std::optional<Slot> take() {
    if (!free()) {
      return std::nullopt;
    }
    count(1);
    return std::optional<Slot>(std::in_place, *this);
  }

  bool free() const { return used_ < most_ && (whole_ == nullptr || whole_->free()); }

  // Until one may be free: look again.
  net::Task<void> freed() { return used_ < most_ && !free() ? whole_->freed() : freed_.wait(); }

  std::size_t used() const { return used_; }

 private:
  friend class Slot;

  void count(std::size_t by) {
    used_ += by;
    if (whole_ != nullptr) {
      whole_->count(by);
    }
  }

  void give() {
    --used_;
    freed_.notifyAll();
    if (whole_ != nullptr) {
      whole_->give();
    }
  }

  const std::size_t most_;
  Slots* whole_;
  std::size_t used_ = 0;
  net::Event freed_;
};

inline Slot::~Slot() {
  if (of_ != nullptr) {
    of_->give();
  }
}

}  // namespace ak::forward
