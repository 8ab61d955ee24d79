#include "store/job_store.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/job_json.h"

namespace ak::store {

JobStore::JobStore(Statement insert,
                   Statement update,
                   Statement remove,
                   Statement find,
                   Statement list,
                   Statement running)
    : insert_(std::move(insert)),
      update_(std::move(update)),
      remove_(std::move(remove)),
      find_(std::move(find)),
      list_(std::move(list)),
      running_(std::move(running)) {}

Result<JobStore> JobStore::open(Database& database) {
  // A sandbox that is removed meanwhile has no row: then there is nothing to insert.
  Statement insert =
      AK_TRY(database.prepare("INSERT INTO jobs (sandbox, id, running, body) "
                              "SELECT ?1, ?2, ?3, ?4 FROM sandboxes WHERE uuid = ?1 RETURNING 1"));
  Statement update = AK_TRY(database.prepare(
      "UPDATE jobs SET running = ?3, body = ?4 WHERE sandbox = ?1 AND id = ?2 RETURNING 1"));
  Statement remove = AK_TRY(database.prepare("DELETE FROM jobs WHERE sandbox = ?1 AND id = ?2"));
  Statement find =
      AK_TRY(database.prepare("SELECT sandbox, id, body FROM jobs WHERE sandbox = ?1 AND id = ?2"));
  Statement list = AK_TRY(
      database.prepare("SELECT sandbox, id, body FROM jobs WHERE sandbox = ?1 ORDER BY number"));
  Statement running = AK_TRY(
      database.prepare("SELECT sandbox, id, body FROM jobs WHERE running = 1 ORDER BY number"));
  return JobStore(std::move(insert), std::move(update), std::move(remove), std::move(find),
                  std::move(list), std::move(running));
}

namespace {

// True when a row was written. `body` must live until then.
Result<bool> write(Statement& statement, const model::JobRecord& job, const std::string& body) {
  statement.bind(1, job.sandbox);
  statement.bind(2, job.id);
  statement.bind(3, static_cast<std::int64_t>(job.status == model::JobStatus::Running ? 1 : 0));
  statement.bind(4, body);
  const bool written = AK_TRY(statement.step());
  AK_TRY(statement.run());
  return written;
}

}  // namespace

Status JobStore::insert(const model::JobRecord& job) {
  const bool inserted = AK_TRY(write(insert_, job, model::toJson(job).dump()));
  return inserted ? Status() : fail(ErrorCode::NotFound, "the sandbox has been removed");
}

Status JobStore::update(const model::JobRecord& job) {
  const bool updated = AK_TRY(write(update_, job, model::toJson(job).dump()));
  return updated ? Status()
                 : fail(ErrorCode::NotFound, cat("no job ", job.id, " in the state database"));
}

Status JobStore::remove(const std::string& sandbox, const std::string& id) {
  remove_.bind(1, sandbox);
  remove_.bind(2, id);
  return remove_.run();
}

Result<JobStore::Loaded> JobStore::readAll(Statement& query) {
  Loaded loaded;
  while (AK_TRY(query.step())) {
    const auto body = nlohmann::json::parse(query.text(2), nullptr, false);
    Result<model::JobRecord> job = model::jobRecordFromJson(body);
    if (!job) {
      loaded.unreadable.emplace_back(query.text(1), job.error().message);
      continue;
    }
    job->sandbox = query.text(0);
    job->id = query.text(1);
    loaded.records.push_back(std::move(*job));
  }
  return loaded;
}

Result<std::optional<model::JobRecord>> JobStore::find(const std::string& sandbox,
                                                       const std::string& id) {
  find_.bind(1, sandbox);
  find_.bind(2, id);
  Loaded loaded = AK_TRY(readAll(find_));
  if (!loaded.unreadable.empty()) {
    return fail(ErrorCode::Internal, cat("the record of job ", id,
                                         " cannot be read: ", loaded.unreadable.front().second));
  }
  return loaded.records.empty() ? std::nullopt : std::optional(std::move(loaded.records.front()));
}

Result<JobStore::Loaded> JobStore::list(const std::string& sandbox) {
  list_.bind(1, sandbox);
  return readAll(list_);
}

Result<JobStore::Loaded> JobStore::running() {
  return readAll(running_);
}

}  // namespace ak::store
