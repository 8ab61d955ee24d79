#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::model {

// The packets between daemon and `ak-launcher --files`, which does for it in a user namespace what
// needs the rights of subordinate ids (os/guest_tree.h has the meaning of each). A packet is one
// TLV record. One answer to each request, in order.
//
//   Handle, Directory, File {path} -> {found} + fds [the opened, if found]
//   Opaque {path}                  -> {found}: it is
//   Remove {path}                  -> {}
struct TreeRequest {
  enum class Op : std::uint8_t { Handle = 1, Directory, File, Opaque, Remove } op{};
  std::string path;
  bool operator==(const TreeRequest&) const = default;
};

struct TreeReply {
  bool found = false;
  std::optional<Error> error;
  bool operator==(const TreeReply&) const = default;
};

std::string encode(const TreeRequest& request);
std::string encode(const TreeReply& reply);
Result<TreeRequest> decodeTreeRequest(std::string_view packet);
Result<TreeReply> decodeTreeReply(std::string_view packet);

}  // namespace ak::model
