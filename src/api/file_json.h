#pragma once

#include <nlohmann/json_fwd.hpp>

#include "manager/files.h"

// Files of sandboxes as clients see them. Names and links that are not UTF-8 have their exact bytes
// beside them (putText in reply.h).
namespace ak::api {

// {kind, size, mode, uid, gid, modified, target?} and, in listings, name.
nlohmann::json toJson(const wire::FileInfo& info);
// The same with the path, and the size and SHA-256 of what went by.
nlohmann::json toJson(const manager::Transfer& transfer, const std::string& path);

}  // namespace ak::api
