#pragma once

#include "backend/backend.h"
#include "net/loop.h"

namespace ak::backend {

// Makes model::kDiskImage in the directory: an ext4 image of so many bytes, sparse, formatted by
// mke2fs. Unsupported without e2fsprogs. Not made whole, it is not there: a crash leaves a file of
// another name, which the next try replaces.
net::Task<Status> formatImage(net::Executor executor,
                              const std::string& directory,
                              std::uint64_t bytes);

// Where a durable sandbox's disk limit was asked for and its file system has no project quota:
// makes the ext4 image that the launcher mounts in the writable layer's place (launch/disk.h), as
// large as the limit, once. Does nothing for all other requests. For a root daemon.
net::Task<Status> makeDiskImage(net::Executor executor, const StartRequest& request);

}  // namespace ak::backend
