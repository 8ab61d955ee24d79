#include "store/volume_store.h"

#include "base/text.h"

namespace ak::store {

Result<VolumeStore> VolumeStore::open(Database& database) {
  Statement load = AK_TRY(database.prepare(
      "SELECT uuid, slug, size_bytes, limited_by, project, created_at, last_used, mount_count "
      "FROM volumes ORDER BY slug"));
  Statement insert = AK_TRY(
      database.prepare("INSERT INTO volumes (uuid, slug, size_bytes, limited_by, project, "
                       "created_at, last_used, mount_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                       "?8)"));
  Statement use = AK_TRY(
      database.prepare("UPDATE volumes SET last_used = ?2, mount_count = ?3 WHERE uuid = ?1"));
  Statement remove = AK_TRY(database.prepare("DELETE FROM volumes WHERE uuid = ?1"));
  return VolumeStore(std::move(load), std::move(insert), std::move(use), std::move(remove));
}

namespace {

// "" for never.
std::string timeText(WallTime time) {
  return time == WallTime{} ? std::string() : formatTime(time);
}

WallTime timeOf(const std::string& text) {
  return parseTime(text).value_or(WallTime{});
}

}  // namespace

Result<std::vector<model::VolumeRecord>> VolumeStore::load() {
  std::vector<model::VolumeRecord> all;
  while (AK_TRY(load_.step())) {
    model::VolumeRecord volume;
    volume.uuid = load_.text(0);
    volume.slug = load_.text(1);
    volume.size_bytes = static_cast<std::uint64_t>(load_.number(2));
    volume.limited_by = load_.text(3);
    volume.project = static_cast<std::uint32_t>(load_.number(4));
    volume.created_at = timeOf(load_.text(5));
    volume.last_used = timeOf(load_.text(6));
    volume.mount_count = static_cast<std::uint64_t>(load_.number(7));
    all.push_back(std::move(volume));
  }
  return all;
}

Status VolumeStore::insert(const model::VolumeRecord& volume) {
  const std::string created_at = timeText(volume.created_at);
  const std::string last_used = timeText(volume.last_used);
  insert_.bind(1, volume.uuid);
  insert_.bind(2, volume.slug);
  insert_.bind(3, static_cast<std::int64_t>(volume.size_bytes));
  insert_.bind(4, volume.limited_by);
  insert_.bind(5, static_cast<std::int64_t>(volume.project));
  insert_.bind(6, created_at);
  insert_.bind(7, last_used);
  insert_.bind(8, static_cast<std::int64_t>(volume.mount_count));
  Status done = insert_.run();
  if (!done && done.error().code == ErrorCode::AlreadyExists) {
    return fail(ErrorCode::AlreadyExists, cat("a volume named '", volume.slug, "' exists"),
                cat("Use it, or choose another name; or remove it with: agentkernel volume rm ",
                    volume.slug));
  }
  return done;
}

Status VolumeStore::saveUse(const model::VolumeRecord& volume) {
  const std::string last_used = timeText(volume.last_used);
  use_.bind(1, volume.uuid);
  use_.bind(2, last_used);
  use_.bind(3, static_cast<std::int64_t>(volume.mount_count));
  return use_.run();
}

Status VolumeStore::remove(const std::string& uuid) {
  remove_.bind(1, uuid);
  return remove_.run();
}

}  // namespace ak::store
