#pragma once

#include "backend/tree_aid.h"

namespace ak::manager {

// A directory with what is below it, and who opens what we may not (nobody: nullptr). Borrowed.
struct Tree {
  // NOLINTNEXTLINE(google-explicit-constructor): a descriptor alone is a tree.
  Tree(int directory, backend::TreeAid* helper = nullptr) : top(directory), aid(helper) {}

  int top;
  backend::TreeAid* aid;
};

}  // namespace ak::manager
