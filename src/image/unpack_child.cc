#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "image/confine.h"
#include "image/decompress.h"
#include "image/extractor.h"
#include "image/ownership.h"
#include "image/tar_reader.h"
#include "image/unpack.h"
#include "sys/file.h"

namespace ak::image {

namespace {

constexpr int kArchive = 0;
constexpr int kResult = 3;
constexpr int kLock = 4;
constexpr int kTarget = 5;

// Hashes what passes: the tar reader's view of the stream is the diff id's.
class HashedSource final : public ByteSource {
 public:
  explicit HashedSource(ByteSource& source) : source_(source) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = AK_TRY(source_.read(out));
    hash_.update({out.data(), size});
    return size;
  }

  std::string digest() { return hash_.finishHex(); }

 private:
  ByteSource& source_;
  crypto::Sha256 hash_;
};

Result<UnpackResult> unpackHere(int root_fd, CopyBudget budget) {
  HashedInput input(kArchive);
  const std::unique_ptr<ByteSource> unpacked = AK_TRY(openCompressed(input));
  HashedSource hashed(*unpacked);
  TarReader reader(hashed);
  AK_TRY(applyOwnership(root_fd, {0, 0, 0755}));
  Extractor extractor(root_fd, budget);
  while (const std::optional<TarEntry> entry = AK_TRY(reader.next())) {
    AK_TRY(extractor.add(*entry, reader));
  }
  AK_TRY(extractor.finish());
  AK_TRY(reader.drain());
  UnpackResult result;
  result.diff_id = hashed.digest();
  result.blob_digest = input.digest();
  result.blob_bytes = input.bytes();
  result.bytes = extractor.budget().used_bytes;
  result.entries = extractor.budget().used_entries;
  result.complete = reader.complete();
  result.opaque = extractor.opaque();
  result.notes = extractor.notes();
  return result;
}

Result<UnpackResult> unpackConfined(CopyBudget budget) {
  AK_TRY(enterCage(kResult));
  const sys::OwnedFd root = AK_TRY(sys::openPath("/", O_RDONLY | O_DIRECTORY));
  return unpackHere(root.get(), budget);
}

int report(const Result<UnpackResult>& outcome) {
  return sys::writeAll(kResult, encodeUnpackOutcome(outcome)) && outcome ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE;
}

// The first process of the new pid namespace does the work; this one only waits for it.
int waitFor(pid_t child) {
  ::close(kResult);
  ::close(kArchive);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return EXIT_FAILURE;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

}  // namespace

int unpackMain(int argc, char** argv) {
  const auto bytes = argc >= 3 ? parseNumber<std::uint64_t>(argv[argc - 2]) : std::nullopt;
  const auto entries = argc >= 3 ? parseNumber<std::uint64_t>(argv[argc - 1]) : std::nullopt;
  if (!bytes || !entries) {
    return report(fail(ErrorCode::InvalidArgument, "usage: --unpack MAX_BYTES MAX_ENTRIES"));
  }
  (void)canChown();  // asks /proc, which the cage does not have
  if (Status built = buildCage(
          {.target_fd = kTarget, .result_fd = kResult, .last_fd = kLock, .max_file_bytes = *bytes});
      !built) {
    return report(std::unexpected(std::move(built).error().context("confining the unpack helper")));
  }
  const pid_t child = ::fork();
  if (child < 0) {
    return report(failErrno("fork"));
  }
  if (child != 0) {
    return waitFor(child);
  }
  return report(unpackConfined({.bytes = *bytes, .entries = *entries}));
}

}  // namespace ak::image
