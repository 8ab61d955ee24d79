// Files over the channel: what a guest can do to whoever reads or writes them.
#include <gtest/gtest.h>

#include "base/text.h"
#include "channel/agent.h"
#include "channel/hostile_guest.h"
#include "crypto/sha256.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "wire/error.h"

namespace ak::channel {
namespace {

using wire::FrameType;

const std::string kKey(wire::kKeySize, 'k');

net::Task<Result<std::shared_ptr<Agent>>> agentOf(net::Executor executor, HostileGuest& guest) {
  wire::SandboxRules rules;
  co_return co_await openFirstSession(executor, guest.takeHostEnd(), kKey, std::move(rules));
}

wire::FileRequest fileAt(std::string path) {
  wire::FileRequest request;
  request.path = std::move(path);
  return request;
}

std::string fileOf(std::uint64_t size) {
  wire::FileInfo info;
  info.kind = wire::FileInfo::Kind::Regular;
  info.size = size;
  return wire::encode(info);
}

struct Content {
  std::string bytes;
  FileDigest digest;
};

net::Task<Result<Content>> contentOf(net::Executor executor, HostileGuest& guest) {
  auto connected = co_await agentOf(executor, guest);
  const auto agent = AK_CO_TRY(std::move(connected));
  auto opened = co_await agent->openFile(fileAt("/x"));
  const auto file = AK_CO_TRY(std::move(opened));
  Content content;
  for (;;) {
    auto got = co_await file->next();
    const auto piece = AK_CO_TRY(std::move(got));
    if (!piece) {
      content.digest = file->digest();
      co_return content;
    }
    content.bytes += *piece;
  }
}

Result<Content> readFrom(HostileGuest::Script script) {
  net::Loop loop;
  HostileGuest guest(std::move(script));
  return loop.runUntilDone(contentOf(loop.executor(), guest));
}

TEST(FileStreamTest, ReadsToTheEndAndSaysWhatWentBy) {
  const auto content = readFrom([](HostileGuest& guest) {
    guest.shakeHands();
    const auto open = guest.nextOf(FrameType::Open);
    guest.frame(FrameType::Reply, open.stream, 0, fileOf(5));
    guest.frame(FrameType::Data, open.stream, wire::kStdout, "he");
    guest.frame(FrameType::Data, open.stream, wire::kStdout, "llo");
    guest.frame(FrameType::End, open.stream, wire::kStdout, "");
    guest.frame(FrameType::Close, open.stream, 0, "");
    guest.nextOf(FrameType::Close);
  });
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->bytes, "hello");
  EXPECT_EQ(content->digest.size, 5U);
  EXPECT_EQ(content->digest.sha256, crypto::sha256Hex("hello"));
}

TEST(FileStreamTest, AFileThatNeverEndsIsReadAsFarAsItWentAtFirst) {
  const auto content = readFrom([](HostileGuest& guest) {
    guest.shakeHands();
    const auto open = guest.nextOf(FrameType::Open);
    guest.frame(FrameType::Reply, open.stream, 0, fileOf(100'000));
    const std::string piece(32 * 1024, 'x');
    for (int i = 0; i < 8 && guest.frame(FrameType::Data, open.stream, wire::kStdout, piece); ++i) {
    }
    guest.nextOf(FrameType::Reset);
  });
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->digest.size, 100'000U);
  EXPECT_EQ(content->bytes.size(), 100'000U);
}

TEST(FileStreamTest, WhatBreaksOffIsAnErrorAndNoEnd) {
  for (const bool reset : {false, true}) {
    const auto content = readFrom([reset](HostileGuest& guest) {
      guest.shakeHands();
      const auto open = guest.nextOf(FrameType::Open);
      guest.frame(FrameType::Reply, open.stream, 0, fileOf(5));
      guest.frame(FrameType::Data, open.stream, wire::kStdout, "he");
      if (reset) {
        guest.frame(FrameType::Reset, open.stream, 0,
                    wire::encodeError(Error::make(ErrorCode::Unavailable, "gone")));
        guest.read();
      }
    });
    EXPECT_EQ(content.error().code, ErrorCode::Unavailable);
  }
}

TEST(FileStreamTest, OtherThanContentIsRefused) {
  for (const std::uint8_t channel : {wire::kStdin, wire::kStderr}) {
    const auto content = readFrom([channel](HostileGuest& guest) {
      guest.shakeHands();
      const auto open = guest.nextOf(FrameType::Open);
      guest.frame(FrameType::Reply, open.stream, 0, fileOf(5));
      guest.frame(FrameType::Data, open.stream, channel, "he");
      guest.read();
    });
    EXPECT_EQ(content.error().code, ErrorCode::Protocol);
  }
}

net::Task<Result<std::vector<wire::FileInfo>>> listingOf(net::Executor executor,
                                                         HostileGuest& guest) {
  auto connected = co_await agentOf(executor, guest);
  const auto agent = AK_CO_TRY(std::move(connected));
  co_return co_await agent->list("/x");
}

TEST(FileStreamTest, AListingWithoutEndIsTooLarge) {
  net::Loop loop;
  HostileGuest guest([](HostileGuest& self) {
    self.shakeHands();
    const auto open = self.nextOf(FrameType::Open);
    wire::FileInfo info;
    info.kind = wire::FileInfo::Kind::Symlink;
    info.name = std::string(255, 'n');
    info.link_target = std::string(4000, 't');
    std::string piece;
    while (piece.size() + 4400 < wire::kChunk) {
      piece += wire::encodeListingEntry(info);
    }
    // Honest about credit, so that only the bound on the listing can end it.
    std::uint64_t credit = wire::kInitialCredit;
    for (;;) {
      while (credit < piece.size()) {
        const auto granted = self.next();
        if (granted.type != FrameType::Credit) {
          return;
        }
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, granted.payload.data(), sizeof bytes);
        credit += bytes;
      }
      credit -= piece.size();
      if (!self.frame(FrameType::Data, open.stream, wire::kStdout, piece)) {
        return;
      }
    }
  });
  const auto listing = loop.runUntilDone(listingOf(loop.executor(), guest));
  EXPECT_EQ(listing.error().code, ErrorCode::TooLarge);
}

net::Task<Result<FileDigest>> writeTo(net::Executor executor,
                                      HostileGuest& guest,
                                      std::string content) {
  auto connected = co_await agentOf(executor, guest);
  const auto agent = AK_CO_TRY(std::move(connected));
  auto created = co_await agent->createFile(fileAt("/x"));
  const auto file = AK_CO_TRY(std::move(created));
  const Status written = co_await file->write(content);
  AK_CO_TRY(written);
  auto committed = co_await file->commit();
  AK_CO_TRY(std::move(committed));
  co_return file->digest();
}

TEST(FileStreamTest, AWriterWaitsForCredit) {
  net::Loop loop;
  std::size_t before = 0;
  std::size_t taken = 0;
  HostileGuest guest([&](HostileGuest& self) {
    self.shakeHands();
    const auto open = self.nextOf(FrameType::Open);
    while (before < wire::kInitialCredit) {
      before += self.nextOf(FrameType::Data).payload.size();
    }
    taken = before;
    while (taken < 1'000'000) {
      const std::uint32_t grant = 100'000;
      self.frame(FrameType::Credit, open.stream, wire::kStdin,
                 std::string_view(reinterpret_cast<const char*>(&grant), sizeof grant));
      for (std::size_t got = 0; got < grant && taken < 1'000'000;) {
        const std::size_t size = self.nextOf(FrameType::Data).payload.size();
        got += size;
        taken += size;
      }
    }
    self.nextOf(FrameType::End);
    self.frame(FrameType::Reply, open.stream, 0, fileOf(1'000'000));
    self.frame(FrameType::Close, open.stream, 0, "");
    self.nextOf(FrameType::Close);
  });
  const std::string content(1'000'000, 'w');
  const auto digest = loop.runUntilDone(writeTo(loop.executor(), guest, content));
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(before, wire::kInitialCredit);
  EXPECT_EQ(taken, 1'000'000U);
  EXPECT_EQ(digest->sha256, crypto::sha256Hex(content));
}

TEST(FileStreamTest, ARefusedWriterHearsTheAgentsReason) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{1'000'000}}) {
    net::Loop loop;
    HostileGuest guest([](HostileGuest& self) {
      self.shakeHands();
      const auto open = self.nextOf(FrameType::Open);
      self.frame(FrameType::Reset, open.stream, 0,
                 wire::encodeError(Error::make(ErrorCode::NotFound, "no such directory")));
      // A socket that is closed with bytes unread takes the answer with it (ECONNRESET).
      while (!self.read().empty()) {
      }
    });
    const auto digest = loop.runUntilDone(writeTo(loop.executor(), guest, std::string(size, 'w')));
    EXPECT_EQ(digest.error().code, ErrorCode::NotFound) << size;
  }
}

}  // namespace
}  // namespace ak::channel
