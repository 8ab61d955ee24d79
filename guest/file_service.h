#pragma once

#include <memory>
#include <string_view>

#include "guest/stream.h"

namespace ak::guest {

// Service::File (wire/file.h). Paths resolve beneath the root as guest_path.h says; no fork.
Result<std::unique_ptr<Stream>> openFileStream(std::string_view request, StreamPort& port);

}  // namespace ak::guest
