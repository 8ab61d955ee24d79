#include "manager/plan.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "manager/repositories.h"
#include "manager/workspace_directory.h"
#include "os/mount.h"

namespace ak::manager {

Status guardRepositories(Plan& plan) {
  const sys::OwnedFd workspace = AK_TRY(os::openHostPath(plan.workspace.source));
  Repositories found = AK_TRY(findRepositories(workspace.get()));
  std::vector<std::string>& paths = plan.workspace.protected_paths;
  paths = plan.protected_paths;
  if (!found.top_has_git && std::erase_if(paths, [](const std::string& path) {
                              return path.starts_with(".git/");
                            }) != 0) {
    // Granted, but there is nothing whose parts could be protected: git init would be the guest's.
    paths.emplace_back(".git");
    plan.warnings.emplace_back(
        "The workspace has no git directory of its own: .git stays protected.");
  }
  std::ranges::move(found.guarded, std::back_inserter(paths));
  if (!found.hint.empty()) {
    plan.warnings.push_back(std::move(found.hint));
  }
  return {};
}

Status checkVolumes(const std::vector<model::VolumeMount>& volumes,
                    const image::ResolvedImage& image) {
  AK_TRY(model::validateVolumeMounts(volumes));
  for (const model::VolumeMount& volume : volumes) {
    for (const model::BoxRoot::Bind& bind : image.root.binds) {
      if (model::isAtOrBeneath(volume.path, bind.target) ||
          model::isAtOrBeneath(bind.target, volume.path)) {
        return fail(ErrorCode::InvalidArgument,
                    cat("volume '", volume.slug, "' cannot be at ", volume.path, ": ", bind.target,
                        " is a read-only part of image ", image.reference),
                    "Choose another path, such as /data.");
      }
    }
  }
  return {};
}

Result<image::ResolvedImage> imageOf(const model::SandboxRecord& record,
                                     image::ImageStore& images) {
  image::ResolvedImage image = AK_TRY(images.resolve(
      record.image == "host" || record.image_digest.empty() ? record.image : record.image_digest));
  image.reference = record.image;
  return image;
}

Result<Plan> planFromRecord(const model::SandboxRecord& record, image::ImageStore& images) {
  Plan plan;
  plan.permissions = record.permissions;
  plan.image = AK_TRY(imageOf(record, images));
  plan.environment = record.environment;
  plan.workdir = record.workdir;
  plan.user = record.user;
  plan.init_script = record.init_script;
  plan.ports = record.ports;
  plan.workspace_path = record.workspace_path;
  plan.workspace.mode = record.permissions.workspace;
  if (plan.workspace.mode != model::WorkspaceMode::None) {
    const WorkspaceDirectory directory =
        AK_TRY(lookAtWorkspace(record.workspace_path, Links::Refuse));
    plan.workspace.source = directory.host;
    plan.workspace.owner_uid = directory.owner_uid;
    plan.workspace.owner_gid = directory.owner_gid;
    plan.workspace.masks = record.workspace_masks;
    plan.protected_paths = record.protected_paths;
    if (plan.workspace.mode == model::WorkspaceMode::ReadWrite) {
      AK_TRY(guardRepositories(plan));
    }
  }
  return plan;
}

}  // namespace ak::manager
