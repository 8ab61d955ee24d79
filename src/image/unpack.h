#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Unpacking runs in a child of its own: decompressors and the tar reader work on hostile bytes, and
// whatever takes that process over finds a mount namespace with one empty directory, no network, no
// other process, no descriptor but the archive, and none but the file capabilities.
namespace ak::image {

struct UnpackRequest {
  std::string program;  // one whose main calls unpackMain for "--unpack"
  int archive = -1;     // read from its current offset to the end
  int target = -1;      // an empty directory
  int lock = -1;        // kept open by the child as long as it lives
  std::uint64_t max_bytes = 0;
  std::uint64_t max_entries = 0;
};

struct UnpackResult {
  std::string diff_id;      // 64 hex digits: SHA-256 of the uncompressed archive
  std::string blob_digest;  // 64 hex digits: SHA-256 of the archive as given
  std::uint64_t blob_bytes = 0;
  std::uint64_t bytes = 0;  // of file content
  std::uint64_t entries = 0;
  bool complete = false;            // see TarReader::complete
  std::vector<std::string> opaque;  // directories that hide all of lower layers, marked already
  std::vector<std::string> notes;   // what was left out
};

// Blocks until the child is done. On an error the target holds some of the archive. The child dies
// with the calling thread.
Result<UnpackResult> unpackArchive(const UnpackRequest& request);

// The child: PROGRAM --unpack MAX_BYTES MAX_ENTRIES, with the archive as descriptor 0, the result
// pipe as 3, the lock as 4 and the target directory as 5. Single-threaded; call it first thing in
// main. The limits are the last two arguments, whether or not argv still begins with the program.
int unpackMain(int argc, char** argv);

// What goes through the pipe.
std::string encodeUnpackOutcome(const Result<UnpackResult>& outcome);
// Bounded and validated: the child may have been taken over. Protocol when malformed.
Result<UnpackResult> decodeUnpackOutcome(std::string_view text);

}  // namespace ak::image
