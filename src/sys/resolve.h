#pragma once

#include <linux/openat2.h>

#include <cstdint>

namespace ak::sys {

// How openat2(2) resolves a path in a tree that somebody hostile made and may be changing: beneath
// the directory whatever the path says, and through no link of any kind.
inline constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

}  // namespace ak::sys
