#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "sys/owned_fd.h"

namespace ak::image {

// Names in the directory, sorted, without . and ..; the descriptor's offset is not shared.
Result<std::vector<std::string>> listDirectory(int dir_fd);

// A subdirectory without following a link.
Result<sys::OwnedFd> openDirectory(int dir_fd, const std::string& name);

// Makes dir_fd/name (0755) and opens it; an existing directory is opened.
Result<sys::OwnedFd> makeDirectory(int dir_fd, const std::string& name);

Result<struct stat> statEntry(int dir_fd, const std::string& name);
Result<std::string> readLink(int dir_fd, const std::string& name);

}  // namespace ak::image
