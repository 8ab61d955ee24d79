#include "store/sandbox_store.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "store/sandbox_record_json.h"
#include "store/snapshot_record_json.h"

namespace ak::store {

SandboxStore::SandboxStore(Database database, Parts parts)
    : database_(std::move(database)),
      insert_(std::move(parts.insert)),
      update_(std::move(parts.update)),
      remove_(std::move(parts.remove)),
      jobs_(std::move(parts.jobs)),
      volumes_(std::move(parts.volumes)) {}

Result<SandboxStore> SandboxStore::open(const std::string& path) {
  Database database = AK_TRY(Database::open(path));
  Statement insert = AK_TRY(database.prepare(
      "INSERT INTO sandboxes (uuid, name, body, agent_key) VALUES (?1, ?2, ?3, ?4)"));
  Statement update = AK_TRY(database.prepare(
      "UPDATE sandboxes SET name = ?2, body = ?3, agent_key = ?4 WHERE uuid = ?1 RETURNING 1"));
  Statement remove = AK_TRY(database.prepare("DELETE FROM sandboxes WHERE uuid = ?1"));
  JobStore jobs = AK_TRY(JobStore::open(database));
  VolumeStore volumes = AK_TRY(VolumeStore::open(database));
  Parts parts{std::move(insert), std::move(update), std::move(remove), std::move(jobs),
              std::move(volumes)};
  return SandboxStore(std::move(database), std::move(parts));
}

Result<SandboxStore::Loaded> SandboxStore::load() {
  Loaded loaded;
  Statement query =
      AK_TRY(database_.prepare("SELECT uuid, body, agent_key FROM sandboxes ORDER BY uuid"));
  while (AK_TRY(query.step())) {
    const auto body = nlohmann::json::parse(query.text(1), nullptr, false);
    Result<model::SandboxRecord> record = recordFromJson(body);
    if (!record) {
      loaded.unreadable.emplace_back(query.text(0), record.error().message);
      continue;
    }
    record->agent_key = query.text(2);
    loaded.records.push_back(std::move(*record));
  }
  return loaded;
}

Result<bool> SandboxStore::takeOrderlyEnd() {
  Statement query =
      AK_TRY(database_.prepare("DELETE FROM facts WHERE name = 'orderly_end' RETURNING 1"));
  const bool found = AK_TRY(query.step());
  AK_TRY(query.run());
  return found;
}

Status SandboxStore::markOrderlyEnd() {
  return database_.execute("INSERT OR IGNORE INTO facts VALUES ('orderly_end');");
}

Status SandboxStore::insert(const model::SandboxRecord& record) {
  const std::string body = recordToJson(record).dump();
  insert_.bind(1, record.uuid);
  insert_.bind(2, record.name);
  insert_.bind(3, body);
  insert_.bindBlob(4, record.agent_key);
  Status done = insert_.run();
  if (!done && done.error().code == ErrorCode::AlreadyExists) {
    return fail(ErrorCode::AlreadyExists, cat("a sandbox named '", record.name, "' exists"),
                cat("Choose another name, or remove it with: agentkernel rm ", record.name));
  }
  return done;
}

Status SandboxStore::update(const model::SandboxRecord& record) {
  const std::string body = recordToJson(record).dump();
  update_.bind(1, record.uuid);
  update_.bind(2, record.name);
  update_.bind(3, body);
  update_.bindBlob(4, record.agent_key);
  const bool found = AK_TRY(update_.step());
  if (!found) {
    return fail(ErrorCode::NotFound, cat("no sandbox ", record.uuid, " in the state database"));
  }
  return update_.run();
}

Status SandboxStore::update(const std::vector<model::SandboxRecord>& records) {
  return database_.transaction([&]() -> Status {
    for (const model::SandboxRecord& record : records) {
      AK_TRY(update(record));
    }
    return {};
  });
}

Status SandboxStore::remove(const std::string& uuid) {
  remove_.bind(1, uuid);
  return remove_.run();
}

Result<SandboxStore::LoadedSnapshots> SandboxStore::loadSnapshots() {
  LoadedSnapshots loaded;
  Statement query = AK_TRY(database_.prepare("SELECT name, body FROM snapshots ORDER BY name"));
  while (AK_TRY(query.step())) {
    const auto body = nlohmann::json::parse(query.text(1), nullptr, false);
    Result<model::SnapshotRecord> snapshot = snapshotFromJson(body);
    if (snapshot) {
      loaded.records.push_back(std::move(*snapshot));
    } else {
      loaded.unreadable.emplace_back(query.text(0), snapshot.error().message);
    }
  }
  return loaded;
}

Status SandboxStore::removeSnapshot(const std::string& name) {
  Statement gone = AK_TRY(database_.prepare("DELETE FROM snapshots WHERE name = ?1"));
  gone.bind(1, name);
  return gone.run();
}

Status SandboxStore::insertSnapshot(const model::SnapshotRecord& snapshot) {
  const std::string body = snapshotToJson(snapshot).dump();
  Statement made = AK_TRY(database_.prepare("INSERT INTO snapshots (name, body) VALUES (?1, ?2)"));
  made.bind(1, snapshot.name);
  made.bind(2, body);
  Status done = made.run();
  if (!done && done.error().code == ErrorCode::AlreadyExists) {
    return fail(
        ErrorCode::AlreadyExists, cat("a snapshot named '", snapshot.name, "' exists"),
        cat("Choose another name, or remove it with: agentkernel snapshot rm ", snapshot.name));
  }
  return done;
}

Status SandboxStore::updateSnapshot(const model::SnapshotRecord& snapshot) {
  const std::string body = snapshotToJson(snapshot).dump();
  Statement changed =
      AK_TRY(database_.prepare("UPDATE snapshots SET body = ?2 WHERE name = ?1 RETURNING 1"));
  changed.bind(1, snapshot.name);
  changed.bind(2, body);
  const bool found = AK_TRY(changed.step());
  if (!found) {
    return fail(ErrorCode::NotFound, cat("no snapshot ", snapshot.name, " in the state database"));
  }
  return changed.run();
}

Status SandboxStore::commit(const LayerStep& step) {
  return database_.transaction([&]() -> Status {
    for (const model::SandboxRecord& record : step.updated) {
      AK_TRY(update(record));
    }
    for (const model::SnapshotRecord& snapshot : step.updated_snapshots) {
      AK_TRY(updateSnapshot(snapshot));
    }
    for (const model::SandboxRecord& record : step.made) {
      AK_TRY(insert(record));
    }
    for (const model::SnapshotRecord& snapshot : step.taken) {
      AK_TRY(insertSnapshot(snapshot));
    }
    for (const std::string& uuid : step.removed) {
      AK_TRY(remove(uuid));
    }
    for (const std::string& name : step.removed_snapshots) {
      AK_TRY(removeSnapshot(name));
    }
    return {};
  });
}

}  // namespace ak::store
