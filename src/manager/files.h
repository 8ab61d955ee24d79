#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "channel/agent.h"
#include "net/task.h"

namespace ak::manager {

// Takes a file of a sandbox. An Error ends the reading: its reader is gone, or wants no more.
class FileSink {
 public:
  virtual ~FileSink() = default;
  // First, with the file as it was when it was opened.
  virtual net::Task<Status> opened(const wire::FileInfo& info) = 0;
  virtual net::Task<Status> data(std::string_view piece) = 0;
};

// The content of a file on its way in, piece by piece, nothing at its end. Asked when the sandbox
// and the path are known to be good. An Error keeps the file from appearing.
using FileSource = std::function<net::Task<Result<std::optional<std::string>>>()>;

// Whether directories on the way to a new entry are made (0755) when they are missing.
enum class MissingParents : bool { Refuse, Make };
enum class Recursively : bool { No, Yes };
enum class FinalLink : bool { Keep, Follow };

struct FileTarget {
  std::string path;
  std::uint32_t mode = 0;  // 0: that of the file that is there, else 0644, or 0755 for directories
  MissingParents parents = MissingParents::Make;
};

// What went by, and the entry that it came from or became.
struct Transfer {
  wire::FileInfo info;
  channel::FileDigest digest;
};

struct FileContent {
  std::string path;
  std::string content;
};

// Operations on files of a running sandbox, done by its agent beneath the sandbox's root. Each is a
// use of the sandbox (G4): it is not idle meanwhile. The command policy does not ask here. All
// calls on the loop.
//
// Errors: NotFound for an unknown sandbox and a missing file, Conflict for a sandbox that does not
// run, InvalidArgument for a path that policy/file_rules.h refuses, Unsupported for FIFOs, sockets,
// devices and kernel files; Capacity when the sandbox's disk is full.
class Files {
 public:
  virtual ~Files() = default;

  virtual net::Task<Result<wire::FileInfo>> stat(std::string sandbox,
                                                 std::string path,
                                                 FinalLink last) = 0;
  // TooLarge over wire::kMaxListing entries.
  virtual net::Task<Result<std::vector<wire::FileInfo>>> list(std::string sandbox,
                                                              std::string path) = 0;
  // Of any size in bounded memory: a sink that waits stops the reading of this file only.
  virtual net::Task<Result<Transfer>> read(std::string sandbox,
                                           std::string path,
                                           FileSink& sink) = 0;
  // Appears as a whole or not at all. A link at the path is replaced, not followed.
  virtual net::Task<Result<Transfer>> write(std::string sandbox,
                                            FileTarget target,
                                            FileSource source) = 0;
  // One after the other, when all paths are good; how many were written. A file that cannot be
  // written is named in the Error; those before it stay.
  virtual net::Task<Result<std::size_t>> writeAll(std::string sandbox,
                                                  std::vector<FileContent> files) = 0;
  // An existing directory is success with MissingParents::Make.
  virtual net::Task<Result<wire::FileInfo>> makeDirectory(std::string sandbox,
                                                          FileTarget target) = 0;
  // A symbolic link with this text, whatever it says: it leads nowhere but in the sandbox.
  virtual net::Task<Result<wire::FileInfo>> makeLink(std::string sandbox,
                                                     FileTarget target,
                                                     std::string text) = 0;
  // A directory with entries only Recursively, else Conflict.
  virtual net::Task<Result<wire::FileInfo>> remove(std::string sandbox,
                                                   std::string path,
                                                   Recursively recursively) = 0;
};

}  // namespace ak::manager
