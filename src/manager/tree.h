#pragma once

#include "backend/tree_aid.h"

namespace ak::manager {

// A directory with what is below it, and who opens what we may not (nobody: nullptr). Borrowed.
struct Tree {
  int top;
  backend::TreeAid* aid = nullptr;
};

}  // namespace ak::manager
