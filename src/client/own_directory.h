#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::client {

// sys::makePrivateDirectory, whose failure says with `remedy` what decides where the directory is.
Result<sys::OwnedFd> makeOwnDirectory(const std::string& path, std::string_view remedy);

}  // namespace ak::client
