#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "cli/copy/remote_files.h"

// Copying files and trees between this host and a sandbox. Links are copied as links, but for the
// path that was named; modes are kept as far as the umask lets them, set-id bits never. What cannot
// be copied (a FIFO, a device, a link that leads out) is told and left out, the rest is copied.
namespace ak::cli {

// Deeper and more is TooLarge: a guest can make a tree that never ends.
inline constexpr std::size_t kMaxDepth = 256;
inline constexpr std::size_t kMaxEntries = 250'000;
inline constexpr std::uint64_t kMaxCopy = std::uint64_t{64} << 30U;

struct CopyJob {
  RemoteFiles& remote;
  Output& output;
  std::uint64_t most_bytes = kMaxCopy;  // out of a sandbox
  enum class OutsideLinks : bool { Refuse, Make } outside_links = OutsideLinks::Refuse;
  std::size_t left_out = 0;  // entries that were told and not copied

  void leaveOut(const std::string& path, const Error& why);
};

// `source` on this host; "-": standard input. `destination` is an existing directory of the
// sandbox, or a name in one.
Status copyIn(CopyJob& job, const std::string& source, const std::string& destination);

// `destination` on this host; "-": standard output. Everything that comes from the sandbox is
// hostile: what is made stands beneath the destination, which is resolved once; no link in it is
// followed and nothing is written through one.
Status copyOut(CopyJob& job, const std::string& source, const std::string& destination);

// The last part of a path and whether it means a directory's contents: "a/b" is {b}, "a/." and "/"
// have none.
std::string lastPart(const std::string& path);

}  // namespace ak::cli
