#include "base/result.h"

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

namespace ak {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) {
    return fail(ErrorCode::InvalidArgument, "odd", "Give an even number.");
  }
  return value / 2;
}

Result<int> quarter(int value) {
  const int once = AK_TRY(half(value));
  return AK_TRY(half(once));
}

Status positive(int value) {
  return value > 0 ? Status() : fail(ErrorCode::InvalidArgument, "not positive");
}

Status positiveAndEven(int value) {
  AK_TRY(positive(value));
  (void)AK_TRY(half(value));
  return {};
}

Result<std::unique_ptr<int>> boxed(int value) {
  std::unique_ptr<int> box = AK_TRY(Result<std::unique_ptr<int>>(std::make_unique<int>(value)));
  return box;
}

TEST(ResultTest, TryHandsOutTheValueOrReturnsTheErrorUnchanged) {
  EXPECT_EQ(quarter(8).value(), 2);
  const Result<int> failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), Error::make(ErrorCode::InvalidArgument, "odd", "Give an even number."));
  EXPECT_TRUE(positiveAndEven(2));
  EXPECT_FALSE(positiveAndEven(1));
  EXPECT_EQ(positiveAndEven(-2).error().message, "not positive");
}

TEST(ResultTest, TryMovesValuesThatCannotBeCopied) {
  EXPECT_EQ(**boxed(7), 7);
}

TEST(ResultTest, ContextIsPrependedAndKeepsCodeRemedyAndErrno) {
  Error error = Error::fromErrno(ENOENT, "open /x");
  error.remedy = "Make it.";
  const Error outer = std::move(error).context("starting web-1");
  EXPECT_EQ(outer.message, "starting web-1: open /x: No such file or directory");
  EXPECT_EQ(outer.code, ErrorCode::NotFound);
  EXPECT_EQ(outer.remedy, "Make it.");
  EXPECT_EQ(outer.sys_errno, ENOENT);
}

TEST(ResultTest, TheCodeFollowsTheErrno) {
  const auto code = [](int number) { return Error::fromErrno(number, "x").code; };
  EXPECT_EQ(code(ENOENT), ErrorCode::NotFound);
  EXPECT_EQ(code(EACCES), ErrorCode::PermissionDenied);
  EXPECT_EQ(code(EROFS), ErrorCode::PermissionDenied);
  EXPECT_EQ(code(EEXIST), ErrorCode::AlreadyExists);
  EXPECT_EQ(code(ENOSPC), ErrorCode::Capacity);
  EXPECT_EQ(code(EAGAIN), ErrorCode::Capacity);
  EXPECT_EQ(code(ENOSYS), ErrorCode::Unsupported);
  EXPECT_EQ(code(ECONNREFUSED), ErrorCode::Unavailable);
  EXPECT_EQ(code(EIO), ErrorCode::Internal);
}

TEST(ResultTest, FailErrnoReadsErrnoBeforeAnythingChangesIt) {
  errno = EACCES;
  const std::unexpected<Error> failed = failErrno("open /etc/shadow");
  EXPECT_EQ(failed.error().sys_errno, EACCES);
  EXPECT_EQ(failed.error().message, "open /etc/shadow: Permission denied");
}

}  // namespace
}  // namespace ak
