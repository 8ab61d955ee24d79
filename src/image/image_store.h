#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/box.h"

namespace ak::image {

// An image ready to be a sandbox's root.
struct ResolvedImage {
  std::string reference;  // as asked
  std::string digest;     // "sha256:..." of the config, or of the host view's description
  model::BoxRoot root;    // layers and binds; writable is the caller's business
  std::vector<std::string> environment;
  std::string workdir;
  std::string user;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
};

struct ImageInfo {
  std::string name;  // may be empty: only reachable by digest
  std::string digest;
  std::uint64_t size = 0;  // bytes of its layers, shared ones counted fully
  WallTime created_at{};
  std::size_t layers = 0;
};

struct PruneResult {
  std::vector<std::string> removed;
  std::uint64_t freed_bytes = 0;
};

// Content-addressed images and layers under one directory. Blocking: call on the worker pool.
// Thread-safe; two daemons cannot share one (the state directory's lock forbids it).
class ImageStore {
 public:
  struct Options {
    std::string directory;
    std::string host_root = "/";  // where `host` looks; tests give another
    // The launcher's unpack helper is this program with `--unpack`; see image/unpack.h.
    std::string unpack_program;
    std::uint64_t max_unpacked_bytes = std::uint64_t{64} << 30U;
    std::uint64_t max_entries = 4'000'000;
  };

  static Result<std::unique_ptr<ImageStore>> open(Options options);
  virtual ~ImageStore() = default;

  // "host", a name, or a digest (12 hex digits at least). What is not local is NotFound with the
  // remedy (import it): the seam where registries come in.
  virtual Result<ResolvedImage> resolve(std::string_view reference) = 0;
  // True when `argv0` can be found in the host view, so that `run` needs no image.
  virtual bool hostHasCommand(std::string_view argv0) = 0;
  // From a directory, root tar, OCI layout directory, OCI or docker archive (found out by looking).
  virtual Result<ImageInfo> import(const std::string& path, const std::string& name) = 0;
  virtual Result<std::vector<ImageInfo>> list() = 0;
  // Conflict when a digest in `in_use` needs it.
  virtual Status remove(std::string_view reference, const std::vector<std::string>& in_use) = 0;
  // Removes unnamed images and every layer that no image and nothing in `in_use` needs.
  virtual Result<PruneResult> prune(const std::vector<std::string>& in_use) = 0;
};

}  // namespace ak::image
