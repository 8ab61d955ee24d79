#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "image/image_store.h"
#include "manager/manager.h"
#include "model/permissions.h"
#include "model/run_request.h"

namespace ak::manager {

// A run after every question has been answered: nothing later looks at the request's wishes again.
// The command that an init script is run by.
inline std::vector<std::string> initCommand(const std::string& script) {
  return {"sh", "-c", script};
}

struct Plan {
  std::string name;  // "" = make one up
  std::vector<std::string> command;
  model::Permissions permissions;
  image::ResolvedImage image;
  model::BoxWorkspace workspace;
  // Of workspace.protected_paths what policy says; the rest was found in the directory
  // (repositories.h).
  std::vector<std::string> protected_paths;
  std::string workspace_path;            // canonical host path, "" when nothing is mounted
  std::vector<std::string> environment;  // complete
  std::string workdir;                   // absolute in the sandbox
  std::string user;
  std::vector<model::FileInjection> files;
  std::string init_script;
  std::vector<model::VolumeMount> volumes;  // checked; their volumes may not be there
  std::vector<model::PortMapping> ports;
  std::vector<std::string> hints;     // manager.h
  std::vector<std::string> warnings;  // manager.h
};

// Completes what a writable workspace protects by what is in the directory now. Blocking.
Status guardRepositories(Plan& plan);

// May these be at these paths of a sandbox of this image? Whether the volumes are there is asked
// when it begins.
Status checkVolumes(const std::vector<model::VolumeMount>& volumes,
                    const image::ResolvedImage& image);

// The image that a sandbox was made from, by digest. Blocking.
Result<image::ResolvedImage> imageOf(const model::SandboxRecord& record, image::ImageStore& images);

// The plan of a stopped durable sandbox: as it was, with its image pinned by digest. Blocking.
Result<Plan> planFromRecord(const model::SandboxRecord& record, image::ImageStore& images);

}  // namespace ak::manager
