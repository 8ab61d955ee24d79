#pragma once

#include <optional>
#include <string>

#include "audit/chain.h"
#include "base/result.h"

namespace ak::audit {

// What is known of the log without looking at it, in a file of its own beside the state database:
// the last line that is on the disk for certain, and the first one that is still kept. So lines
// that are missing at either end are noticed; of the last second's lines only a running daemon
// knows.
struct Head {
  Link last;
  std::uint64_t first = 1;
  bool operator==(const Head&) const = default;
};

// "12:<hash> 1\n"
std::string headText(const Head& head);
std::optional<Head> parseHead(std::string_view text);

// nullopt when there is none yet. Protocol when the file is something else.
Result<std::optional<Head>> readHead(const std::string& path);
// Survives a power cut when it returns; 0600.
Status writeHead(const std::string& path, const Head& head);

}  // namespace ak::audit
