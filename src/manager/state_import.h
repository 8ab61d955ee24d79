#pragma once

#include <string>
#include <vector>

#include "model/sandbox.h"

// What Manager::importState() takes and answers.
namespace ak::manager {

struct StateImportRequest {
  // Absolute; has the files, or a directory `sandboxes` that has them. "": our own state directory,
  // which is where other implementations keep theirs.
  std::string directory;
  bool dry_run = false;
};

struct StateImported {
  struct Sandbox {
    std::string name;
    std::string uuid;
    std::string backend;
    std::vector<std::string> notes;  // what of it cannot be had here, a sentence each
  };

  // One that stays where it is: known already, or its name is another's.
  struct Skipped {
    std::string name;
    std::string reason;
  };

  // A file that is no sandbox's record, or not one that can be kept.
  struct Refused {
    std::string file;
    std::string reason;
    std::string remedy;
    std::string kept_as;  // its copy in the quarantine; "" when none was made
  };

  bool dry_run = false;
  std::vector<Sandbox> imported;
  std::vector<Skipped> skipped;
  std::vector<Refused> refused;
};

}  // namespace ak::manager
