#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include "net/async_fd.h"
#include "net/event.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "net/timeout.h"

namespace ak::net {
namespace {

TEST(WorkerPoolTest, RunsElsewhereAndComesBackToTheLoop) {
  Loop loop;
  WorkerPool pool(2);
  auto work = [&]() -> Task<bool> {
    const auto home = std::this_thread::get_id();
    const auto there = co_await pool.run([] { return std::this_thread::get_id(); });
    co_return home != there&& home == std::this_thread::get_id();
  };
  EXPECT_TRUE(loop.runUntilDone(work()));
}

TEST(AsyncFdTest, WakesWhenReadable) {
  Loop loop;
  WorkerPool pool(1);
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  AsyncFd event(loop.executor(), sys::OwnedFd(fd));
  auto work = [&]() -> Task<std::uint64_t> {
    co_await pool.run([fd] { return ::eventfd_write(fd, 7); });
    co_await event.readable();
    std::uint64_t value = 0;
    ::eventfd_read(fd, &value);
    co_return value;
  };
  EXPECT_EQ(loop.runUntilDone(work()), 7U);
}

TEST(TaskGroupTest, CancelUnwindsAndJoinWaits) {
  Loop loop;
  int unwound = 0;
  auto work = [&]() -> Task<void> {
    TaskGroup group(loop.executor());
    Event never(loop.executor());
    struct Mark {
      int& count;
      ~Mark() { ++count; }
    };
    auto waiter = [&]() -> Task<void> {
      const Mark mark{unwound};
      co_await never.wait();
    };
    auto sleeper = [&]() -> Task<void> {
      const Mark mark{unwound};
      co_await sleepFor(std::chrono::hours(1));
    };
    group.spawn(waiter());
    group.spawn(sleeper());
    co_await yield();
    EXPECT_EQ(group.running(), 2U);
    group.cancel();
    co_await group.join();
    EXPECT_EQ(group.running(), 0U);
    never.notifyAll();  // there is nobody left whom it could wake a second time
  };
  loop.runUntilDone(work());
  EXPECT_EQ(unwound, 2);
}

TEST(EventTest, NotifyOneWakesInOrder) {
  Loop loop;
  std::string order;
  auto work = [&]() -> Task<void> {
    TaskGroup group(loop.executor());
    Event event(loop.executor());
    auto waiter = [&](char name) -> Task<void> {
      co_await event.wait();
      order += name;
    };
    group.spawn(waiter('a'));
    group.spawn(waiter('b'));
    co_await yield();
    event.notifyOne();
    co_await yield();
    co_await yield();
    EXPECT_EQ(order, "a");
    event.notifyAll();
    co_await group.join();
  };
  loop.runUntilDone(work());
  EXPECT_EQ(order, "ab");
}

TEST(TimeoutTest, EndsWhatTakesTooLong) {
  Loop loop;
  Event never(loop.executor());
  auto stuck = [&]() -> Task<Result<int>> {
    co_await never.wait();
    co_return 1;
  };
  auto quick = []() -> Task<Result<int>> { co_return 2; };
  const auto late = loop.runUntilDone(withTimeout(stuck(), std::chrono::milliseconds(5), "test"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::Timeout);
  never.notifyAll();  // likewise
  EXPECT_EQ(loop.runUntilDone(withTimeout(quick(), std::chrono::hours(1), "test")).value(), 2);
}

}  // namespace
}  // namespace ak::net
