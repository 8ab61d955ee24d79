#include "store/snapshot_record_json.h"

#include <nlohmann/json.hpp>

#include "store/sandbox_record_json.h"

namespace ak::store {

using nlohmann::json;

namespace {

// A member's text; "" when there is none or it is something else.
std::string textOf(const json& body, const char* key) {
  const auto at = body.find(key);
  return at != body.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

json snapshotToJson(const model::SnapshotRecord& snapshot) {
  return {{"name", snapshot.name},
          {"created_at", formatTime(snapshot.created_at)},
          {"source", recordToJson(snapshot.source)}};
}

Result<model::SnapshotRecord> snapshotFromJson(const json& body) {
  if (!body.is_object()) {
    return fail(ErrorCode::Internal, "snapshot is not an object");
  }
  model::SnapshotRecord snapshot;
  snapshot.name = textOf(body, "name");
  if (snapshot.name.empty()) {
    return fail(ErrorCode::Internal, "snapshot without a name");
  }
  snapshot.created_at = parseTime(textOf(body, "created_at")).value_or(WallTime{});
  snapshot.source = AK_TRY(recordFromJson(body.value("source", json())));
  return snapshot;
}

}  // namespace ak::store
