#include "launch/spec_check.h"

#include <linux/filter.h>

#include "base/text.h"
#include "launch/child.h"
#include "launch/network.h"
#include "model/box_codec.h"

namespace ak::launch {

namespace {

constexpr std::size_t kMaxLayers = 200;

// Absolute, no empty, `.` or `..` component, no NUL, and not the root itself.
Status checkTarget(const std::string& path) {
  bool good = path.size() > 1 && path.size() < kMaxTarget && path.front() == '/' &&
              path.find('\0') == std::string::npos;
  for (const std::string_view part : split(std::string_view(path).substr(good ? 1 : 0), '/')) {
    good = good && !part.empty() && part != "." && part != "..";
  }
  if (!good) {
    return fail(ErrorCode::InvalidArgument, cat("bad mount point '", printable(path), "'"));
  }
  return {};
}

Status checkVolumes(const std::vector<model::BoxVolume>& volumes) {
  if (volumes.size() > kMaxVolumes) {
    return fail(ErrorCode::InvalidArgument, cat("a box has at most ", kMaxVolumes, " volumes"));
  }
  for (const model::BoxVolume& volume : volumes) {
    AK_TRY(model::validateVolumePath(volume.target));
  }
  return {};
}

}  // namespace

Status checkSpec(const model::BoxSpec& spec) {
  AK_TRY(model::validateBoxId(spec.id));
  if (spec.ids.count == 0 || spec.ids.base > UINT32_MAX - spec.ids.count) {
    return fail(ErrorCode::InvalidArgument, "bad id range");
  }
  if (spec.root.layers.empty() || spec.root.layers.size() + spec.root.frozen.size() > kMaxLayers ||
      spec.root.binds.size() > kMaxBinds) {
    return fail(ErrorCode::InvalidArgument, "a root needs 1 to 200 layers and at most 48 binds");
  }
  for (const model::BoxRoot::Bind& bind : spec.root.binds) {
    AK_TRY(checkTarget(bind.target));
  }
  if (spec.network == model::NetworkMode::Full) {
    AK_TRY(checkNetwork());
  }
  // Without a filter the box would be weaker than anybody asked for: never.
  if (spec.base_filter.empty() || spec.base_filter.size() % sizeof(sock_filter) != 0 ||
      spec.base_filter.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
    return fail(ErrorCode::InvalidArgument, "the base filter is not a BPF program");
  }
  return {};
}

Status checkIdentity(const model::BoxIdentity& identity) {
  if (identity.hostname.empty() || identity.hostname.size() > 64 ||
      identity.hostname.find('\0') != std::string::npos) {
    return fail(ErrorCode::InvalidArgument, "a host name has 1 to 64 bytes");
  }
  AK_TRY(checkVolumes(identity.volumes));
  if (identity.workspace.mode == model::WorkspaceMode::None) {
    return {};
  }
  if (identity.workspace.frozen.size() > kMaxLayers) {
    return fail(ErrorCode::InvalidArgument, "a workspace has at most 200 layers");
  }
  std::vector<std::string> paths = identity.workspace.protected_paths;
  paths.insert(paths.end(), identity.workspace.masks.begin(), identity.workspace.masks.end());
  for (const std::string& path : paths) {
    if (path.empty() || path.front() == '/' || path.size() >= kMaxTarget ||
        path.find('\0') != std::string::npos) {
      return fail(ErrorCode::InvalidArgument, "bad protected or masked path");
    }
  }
  return checkTarget(identity.workspace.target);
}

}  // namespace ak::launch
