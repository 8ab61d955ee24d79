#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "image/byte_source.h"
#include "image/tar_entry.h"

namespace ak::image {

struct TarExtended;

// Reads the tar formats that image layers come in: v7, ustar, pax (POSIX.1-2001: path, linkpath,
// size, uid, gid, mtime, SCHILY.xattr.*) and GNU (long names and links, base-256 numbers). GNU
// sparse members are refused (Unsupported): no image tool writes them, and a few bytes of one can
// claim any size. An end within a member is an error (Protocol), as is anything else malformed. The
// archive should end with two zero blocks; some tools leave them out, and complete() says whether
// they were there: without them only a digest can tell that nothing is missing.
//   while (auto entry = AK_TRY(reader.next())) { ... reader.readContent(...) ... }
class TarReader {
 public:
  static constexpr std::size_t kMaxPax = std::size_t{1} << 20U;  // of one member's extended headers

  // `source` outlives the reader.
  explicit TarReader(ByteSource& source) : source_(source) {}

  // The next member, whatever is left of the last one's content skipped; nullopt at the end.
  Result<std::optional<TarEntry>> next();
  // Up to out.size() bytes of the current member's content; 0 when it is all read.
  Result<std::size_t> readContent(std::span<char> out);

  // After the last member: whether the end marker was there.
  bool complete() const { return complete_; }

  // Reads what follows the end marker, so that a digest of the whole stream can be taken.
  Status drain();

 private:
  Result<bool> readBlock(std::span<char> block);
  Result<std::string> readSmall(std::uint64_t size, std::size_t limit);
  Status skipPadding();
  Result<std::optional<TarEntry>> finishEntry(std::string_view header, TarExtended extended);

  ByteSource& source_;
  std::uint64_t left_ = 0;     // content of the current member not yet read
  std::uint64_t padding_ = 0;  // zero bytes after it
  bool began_ = false;         // a header was right
  bool ended_ = false;
  bool complete_ = false;
};

}  // namespace ak::image
