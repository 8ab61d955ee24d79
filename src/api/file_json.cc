#include "api/file_json.h"

#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "base/clock.h"

namespace ak::api {

using nlohmann::json;

namespace {

std::string_view wordOf(wire::FileInfo::Kind kind) {
  switch (kind) {
    case wire::FileInfo::Kind::Regular:
      return "file";
    case wire::FileInfo::Kind::Directory:
      return "directory";
    case wire::FileInfo::Kind::Symlink:
      return "symlink";
    case wire::FileInfo::Kind::Other:
      break;
  }
  return "other";
}

WallTime timeOf(std::int64_t nanoseconds) {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

}  // namespace

json toJson(const wire::FileInfo& info) {
  json body = {{"kind", wordOf(info.kind)}, {"size", info.size},
               {"mode", info.mode},         {"uid", info.uid},
               {"gid", info.gid},           {"modified", formatTime(timeOf(info.modified_ns))}};
  if (!info.name.empty()) {
    putText(body, "name", info.name);
  }
  if (info.kind == wire::FileInfo::Kind::Symlink) {
    putText(body, "target", info.link_target);
  }
  return body;
}

json toJson(const manager::Transfer& transfer, const std::string& path) {
  json body = toJson(transfer.info);
  putText(body, "path", path);
  body["size"] = transfer.digest.size;
  body["sha256"] = transfer.digest.sha256;
  return body;
}

}  // namespace ak::api
