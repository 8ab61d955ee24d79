#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/context.h"
#include "cli/copy/progress.h"
#include "cli/signals.h"

namespace ak::cli {

// A file of a sandbox, as its guest would have it. Every field is hostile; only that a name in a
// listing is one plain component has been checked.
struct RemoteEntry {
  enum class Kind : std::uint8_t { File, Directory, Link, Other };
  Kind kind = Kind::Other;
  std::string name;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  std::string target;
};

// The files of one sandbox over the API. A signal that would end us ends a transfer first:
// Cancelled, and signalled() says which.
class RemoteFiles {
 public:
  static Result<RemoteFiles> open(Context& context, std::string sandbox);

  Progress& progress() { return *progress_; }

  int signalled() const { return signalled_; }

  // What a final link leads to.
  Result<RemoteEntry> stat(const std::string& path);
  Result<std::vector<RemoteEntry>> list(const std::string& path);
  // An existing directory is fine.
  Status makeDirectory(const std::string& path, std::uint32_t mode);
  Status makeLink(const std::string& path, const std::string& target);
  // Reads it to its end; Protocol when what came is less than what was sent. The file as it was.
  using Sink = std::function<Status(std::string_view)>;
  Result<RemoteEntry> read(const std::string& path, const Sink& sink);
  // From a descriptor to its end. `mode` 0: as the file that is there.
  Status write(const std::string& path, std::uint32_t mode, int source);
  // Waits until `fd` takes output; Cancelled on a signal.
  Status waitForOutput(int fd);

 private:
  RemoteFiles(Context& context, std::string sandbox, SignalPipe signals);

  std::string url(const std::string& path, std::string_view query) const;
  Status wait(int fd, short events, int other_fd);
  Result<bool> queueContent(int source, client::Stream& stream);

  Context& context_;
  std::string sandbox_;
  SignalPipe signals_;
  std::unique_ptr<Progress> progress_;
  int signalled_ = 0;
};

}  // namespace ak::cli
