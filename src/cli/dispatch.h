#pragma once

#include <span>

#include "env/environment.h"

namespace ak::cli {

// The whole program: `words` are argv without the program's name. Returns the exit status.
int runMain(std::span<const char* const> words, env::Environment environment);

}  // namespace ak::cli
