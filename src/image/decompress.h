#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "crypto/sha256.h"
#include "image/byte_source.h"

namespace ak::image {

// Reads a descriptor (not owned), counting and hashing what it read.
class HashedInput final : public ByteSource {
 public:
  explicit HashedInput(int fd) : fd_(fd) {}

  Result<std::size_t> read(std::span<char> out) override;

  std::uint64_t bytes() const { return bytes_; }

  // Once, at the end.
  std::string digest() { return hash_.finishHex(); }

 private:
  int fd_;
  std::uint64_t bytes_ = 0;
  crypto::Sha256 hash_;
};

// The same bytes, unpacked if their magic says gzip or zstd (several members or frames in a row
// too). A stream that is cut off or damaged is Protocol. `source` outlives the result.
Result<std::unique_ptr<ByteSource>> openCompressed(ByteSource& source);

}  // namespace ak::image
