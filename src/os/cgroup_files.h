#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

// Files and directories of control groups, for the .cc files of os/cgroup.h only.
namespace ak::os {

Status writeControl(int dir, const std::string& name, std::string_view text);
Result<std::string> readControlFile(int dir, const std::string& name);
// "" when that fails.
std::string readControl(int dir, const std::string& name);
void eachChildGroup(int dir, const std::function<void(const std::string& name)>& use);

}  // namespace ak::os
