#pragma once

#include <optional>

#include "channel/agent.h"
#include "channel/stream_handle.h"
#include "crypto/sha256.h"

namespace ak::channel {

// FileReader and FileWriter over a session's stream.
class SessionFileReader final : public FileReader {
 public:
  SessionFileReader(StreamHandle stream, wire::FileInfo info, std::uint64_t most)
      : stream_(std::move(stream)), info_(std::move(info)), left_(most) {}

  const wire::FileInfo& info() const override { return info_; }

  net::Task<Result<std::optional<std::string>>> next() override;

  FileDigest digest() override { return {read_, hash_.finishHex()}; }

 private:
  StreamHandle stream_;
  wire::FileInfo info_;
  std::uint64_t left_;
  std::uint64_t read_ = 0;
  bool over_ = false;
  crypto::Sha256 hash_;
};

class SessionFileWriter final : public FileWriter {
 public:
  explicit SessionFileWriter(StreamHandle stream) : stream_(std::move(stream)) {}

  net::Task<Status> write(std::string_view data) override;
  net::Task<Result<wire::FileInfo>> commit() override;

  FileDigest digest() override { return {written_, hash_.finishHex()}; }

 private:
  StreamHandle stream_;
  std::uint64_t written_ = 0;
  crypto::Sha256 hash_;
};

// The whole listing of an opened List stream. TooLarge beyond wire::kMaxListingBytes.
net::Task<Result<std::vector<wire::FileInfo>>> readListing(StreamHandle stream);

}  // namespace ak::channel
