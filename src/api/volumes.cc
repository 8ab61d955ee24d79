// Volumes: /volumes and below.
#include <limits>

#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "model/json_fields.h"

namespace ak::api {

using manager::Volumes;
using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

json toJson(const Volumes::User& user) {
  json body = {{"name", user.name}, {"path", user.path}, {"read_only", user.read_only}};
  if (user.kind == Volumes::User::Kind::Snapshot) {
    body["kind"] = "snapshot";
  } else {
    body["kind"] = "sandbox";
    body["status"] = name(user.status);
  }
  return body;
}

json toJson(const Volumes::View& view) {
  const model::VolumeRecord& volume = view.volume;
  json users = json::array();
  for (const Volumes::User& user : view.users) {
    users.push_back(toJson(user));
  }
  json body = {{"slug", volume.slug},
               {"uuid", volume.uuid},
               {"size_bytes", volume.size_bytes},
               {"limited_by", volume.limited_by},
               {"used_bytes", nullptr},
               {"created_at", formatTime(volume.created_at)},
               {"last_used", nullptr},
               {"mount_count", volume.mount_count},
               {"used_by", std::move(users)}};
  if (view.usage) {
    body["used_bytes"] = view.usage->bytes;
    if (!view.usage->whole) {
      body["used_at_least"] = true;
    }
  }
  if (volume.last_used != WallTime{}) {
    body["last_used"] = formatTime(volume.last_used);
  }
  return body;
}

}  // namespace

Task<Result<HttpResponse>> listVolumes(Call& call) {
  json list = json::array();
  for (const Volumes::View& view : co_await call.manager.volumes().list()) {
    list.push_back(toJson(view));
  }
  co_return success(list);
}

Task<Result<HttpResponse>> createVolume(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::JsonFields fields(body, "");
  std::string slug;
  std::uint64_t size = 0;
  fields.string("slug", slug);
  fields.number("size_bytes", size, std::numeric_limits<std::int64_t>::max());
  AK_CO_TRY(std::move(fields).status());
  const auto made = co_await call.manager.volumes().create(std::move(slug), size);
  if (!made) {
    co_return std::unexpected(made.error());
  }
  co_return success(toJson(*made), 201);
}

Task<Result<HttpResponse>> getVolume(Call& call) {
  const auto view = co_await call.manager.volumes().get(call.params[0]);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success(toJson(*view));
}

Task<Result<HttpResponse>> removeVolume(Call& call) {
  const Status removed = co_await call.manager.volumes().remove(call.params[0]);
  if (!removed) {
    co_return std::unexpected(removed.error());
  }
  co_return success("Volume removed");
}

}  // namespace ak::api
