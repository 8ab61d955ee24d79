#include "model/permissions_json.h"

#include <nlohmann/json.hpp>

namespace ak::model {

using nlohmann::json;

namespace {

json toJson(const Limits& limits) {
  return {{"memory_bytes", limits.memory_bytes},
          {"cpu_percent", limits.cpu_percent},
          {"pids", limits.pids},
          {"disk_bytes", limits.disk_bytes},
          {"explicit_memory", limits.explicit_memory},
          {"explicit_cpu", limits.explicit_cpu},
          {"explicit_pids", limits.explicit_pids},
          {"explicit_disk", limits.explicit_disk}};
}

}  // namespace

json toJson(const Permissions& permissions) {
  return {{"profile", name(permissions.profile)},
          {"network", name(permissions.network)},
          {"workspace", name(permissions.workspace)},
          {"seccomp", name(permissions.seccomp)},
          {"read_only_root", permissions.read_only_root},
          {"pass_environment", permissions.pass_environment},
          {"capabilities", permissions.capabilities},
          {"limits", toJson(permissions.limits)}};
}

}  // namespace ak::model
