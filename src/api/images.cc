// Local images. The store blocks, so every call to it is made on the worker pool.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "model/json_fields.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// "registry:5000/name:tag" apart at the last colon behind the last slash.
std::pair<std::string, std::string> splitName(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) {
    return {name, name.empty() ? "" : "latest"};
  }
  return {name.substr(0, colon), name.substr(colon + 1)};
}

json toJson(const image::ImageInfo& info) {
  const auto [repository, tag] = splitName(info.name);
  return {{"id", info.digest},
          {"repository", repository},
          {"tag", tag},
          {"size", info.size},
          {"created", formatTime(info.created_at)},
          {"name", info.name},
          {"layers", info.layers}};
}

// Digests that a sandbox or snapshot of ours stands on.
Task<std::vector<std::string>> digestsInUse(manager::Manager& manager) {
  std::vector<std::string> digests;
  const manager::LabelFilter all;
  for (const manager::SandboxView& view : co_await manager.list(all)) {
    if (!view.record.image_digest.empty()) {
      digests.push_back(view.record.image_digest);
    }
  }
  for (const model::SnapshotRecord& snapshot : co_await manager.snapshots().list()) {
    if (!snapshot.source.image_digest.empty()) {
      digests.push_back(snapshot.source.image_digest);
    }
  }
  co_return digests;
}

std::string inBytes(std::uint64_t bytes) {
  return cat(bytes, " B");
}

}  // namespace

Task<Result<HttpResponse>> listImages(Call& call) {
  image::ImageStore& images = call.context.images;
  const auto list = co_await call.context.workers.run([&images] { return images.list(); });
  if (!list) {
    co_return std::unexpected(list.error());
  }
  json body = json::array();
  for (const image::ImageInfo& info : *list) {
    body.push_back(toJson(info));
  }
  co_return success(body);
}

Task<Result<HttpResponse>> importImage(Call& call) {
  if (!call.caller.local) {
    co_return fail(ErrorCode::PermissionDenied, "only local callers may name files of this host",
                   "Run: agentkernel images import PATH");
  }
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::JsonFields fields(body, "");
  std::string path;
  std::string name;
  fields.string("path", path);
  fields.string("name", name);
  if (Status status = std::move(fields).status(); !status) {
    co_return std::unexpected(status.error());
  }
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    co_return fail(ErrorCode::InvalidArgument, "'path' must be absolute",
                   "Give the full path of a directory, tar file, OCI layout or docker archive.");
  }
  manager::Auditor& auditor = call.context.auditor;
  AK_CO_TRY(auditor.ready());
  image::ImageStore& images = call.context.images;
  const auto info = co_await call.context.workers.run([&] { return images.import(path, name); });
  if (!info) {
    auditor.refused(call.caller, {"image_import", {}, {}, nullptr, path}, info.error());
    co_return std::unexpected(info.error());
  }
  auditor.record(auditor.about(audit::Kind::ImageImported, call.caller)
                     .text("image", info->name)
                     .text("digest", info->digest)
                     .text("path", path, audit::Event::kMaxPath));
  co_return success(toJson(*info), 201);
}

Task<Result<HttpResponse>> removeImage(Call& call) {
  const std::vector<std::string> in_use = co_await digestsInUse(call.manager);
  image::ImageStore& images = call.context.images;
  const std::string& id = call.params[0];
  manager::Auditor& auditor = call.context.auditor;
  AK_CO_TRY(auditor.ready());
  const Status removed =
      co_await call.context.workers.run([&] { return images.remove(id, in_use); });
  if (!removed) {
    auditor.refused(call.caller, {"image_remove", {}, {}, nullptr, id}, removed.error());
    co_return std::unexpected(removed.error());
  }
  auditor.record(auditor.about(audit::Kind::ImageRemoved, call.caller).texts("images", {id}));
  co_return success("Image removed");
}

Task<Result<HttpResponse>> pruneImages(Call& call) {
  const std::vector<std::string> in_use = co_await digestsInUse(call.manager);
  manager::Auditor& auditor = call.context.auditor;
  AK_CO_TRY(auditor.ready());
  image::ImageStore& images = call.context.images;
  const auto pruned = co_await call.context.workers.run([&] { return images.prune(in_use); });
  if (!pruned) {
    co_return std::unexpected(pruned.error());
  }
  if (!pruned->removed.empty()) {
    auditor.record(
        auditor.about(audit::Kind::ImageRemoved, call.caller).texts("images", pruned->removed));
  }
  co_return success({{"removed", pruned->removed}, {"freed_bytes", pruned->freed_bytes}});
}

Task<Result<HttpResponse>> imageUsage(Call& call) {
  const std::vector<std::string> in_use = co_await digestsInUse(call.manager);
  image::ImageStore& images = call.context.images;
  const auto list = co_await call.context.workers.run([&images] { return images.list(); });
  if (!list) {
    co_return std::unexpected(list.error());
  }
  std::uint64_t size = 0;
  std::uint64_t reclaimable = 0;
  std::size_t active = 0;
  for (const image::ImageInfo& info : *list) {
    const bool used = std::ranges::find(in_use, info.digest) != in_use.end();
    size += info.size;
    active += used ? 1 : 0;
    reclaimable += used || !info.name.empty() ? 0 : info.size;
  }
  const json row = {{"type", "Images"},
                    {"total", std::to_string(list->size())},
                    {"active", std::to_string(active)},
                    {"size", inBytes(size)},
                    {"reclaimable", inBytes(reclaimable)}};
  co_return success(json::array({row}));
}

}  // namespace ak::api
