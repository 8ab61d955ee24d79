#pragma once

#include <string>

#include "api/route.h"
#include "manager/files.h"

// Contents of files between a client and a sandbox, in the way that the client asks for.
namespace ak::api {

// True for application/octet-stream among the types of an Accept or Content-Type header.
bool isOctetStream(const std::string* header);

// Content that came with the request.
manager::FileSource wholeContent(std::string content);

// GET: as JSON (up to 16 MiB), as raw bytes of any size (Accept: application/octet-stream), or as
// frames after an upgrade. Raw bytes that cannot be sent to their end are cut without the last
// chunk, which no client takes for the end.
net::Task<void> sendContent(Call& call, const std::string& path);

// PUT after an upgrade: Stdin frames up to StdinEnd. A client that leaves before it leaves the old
// content.
net::Task<void> takeContent(Call& call, manager::FileTarget target);

}  // namespace ak::api
