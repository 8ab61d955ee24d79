#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/files.h"
#include "audit/head.h"
#include "base/result.h"

namespace ak::audit {

// What a look at every line has shown.
struct Verdict {
  bool intact = false;
  std::uint64_t lines = 0;  // that are sound, from the first one that is kept
  Link first;               // the first of them
  Link last;                // the last of them
  // The first thing that is wrong; empty when nothing is.
  std::string problem;
  std::string file;           // where
  std::uint64_t line = 0;     // counted from 1 in that file
  std::uint64_t damages = 0;  // `log_damaged` lines: damage that a daemon found before
};

struct Expectation {
  std::optional<Head> head;  // of the running daemon, or of the head file
  // A link that somebody kept elsewhere: the line must be in the log.
  std::optional<Link> kept;
};

// Reads the whole log, oldest line first, in bounded memory. Blocking; beside a daemon that goes on
// writing: what comes after the expected head is not looked at.
//
// What it promises: any line that was changed, removed, put in, moved or cut off since it was
// written is noticed, as long as whoever did it could not also write the head file (or the running
// daemon's memory) and recompute all hashes behind it. Against who can (our own user, root) there
// is `kept`: with a link that was noted elsewhere, everything up to that line is proven.
// What it cannot see: lines of the last second before a crash that never reached the disk, and what
// was never written.
Result<Verdict> verifyLog(const std::string& path, const Expectation& expected);

// The same over files that are already open (newest first).
Result<Verdict> verifyParts(const std::vector<LogPart>& parts, const Expectation& expected);

}  // namespace ak::audit
