#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::policy {

// Which image suits a command, when nobody said.

enum class ImageRule {
  Flag,         // --image
  Config,       // [sandbox] base_image or runtime
  Command,      // the word in argv[0]
  ProjectFile,  // a file in the working directory
  Procfile,     // the first known command in a Procfile
  Default,
};

struct ImageQuestion {
  std::string flag;                     // "" = not given
  std::string config_image;             // base_image wins over runtime
  std::string config_runtime;           // word of the runtime table
  std::vector<std::string> command;     // argv
  std::vector<std::string> file_names;  // one listing of the working directory, names only
  std::string procfile;                 // its text, "" = none
};

struct ImageAnswer {
  std::string image;
  ImageRule rule = ImageRule::Default;
  std::string because;  // "found Cargo.toml": printed to the user
};

// First rule that answers wins, in the order of ImageRule. InvalidArgument for an unknown runtime
// word. Pure: the caller lists the directory once and bounds it (we look at every name given).
Result<ImageAnswer> chooseImage(const ImageQuestion& question);

// The image of a [sandbox] runtime word: base, python, node, go, rust, ruby, java, c, dotnet.
Result<std::string> imageOfRuntime(std::string_view runtime);

}  // namespace ak::policy
