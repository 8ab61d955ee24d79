#include "store/database.h"

#include <fcntl.h>

#include <array>

#include <sqlite3.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::store {

namespace {

// Each entry takes the schema from version i to i + 1; entries are never changed once released.
constexpr std::array kMigrations = {
    "CREATE TABLE sandboxes ("
    "  uuid TEXT PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  body TEXT NOT NULL,"      // JSON, see sandbox_record_json.h
    "  agent_key BLOB NOT NULL"  // apart from the body, so that no dump of bodies holds it
    ") WITHOUT ROWID;",
    "CREATE TABLE facts (name TEXT PRIMARY KEY) WITHOUT ROWID;",  // there or not
    "CREATE TABLE jobs ("
    "  number INTEGER PRIMARY KEY,"  // in the order of their starts
    "  sandbox TEXT NOT NULL REFERENCES sandboxes (uuid) ON DELETE CASCADE,"
    "  id TEXT NOT NULL,"
    "  running INTEGER NOT NULL,"
    "  body TEXT NOT NULL,"  // JSON, see model/job_json.h
    "  UNIQUE (sandbox, id)"
    ");"
    "CREATE INDEX running_jobs ON jobs (number) WHERE running = 1;",
    "CREATE TABLE snapshots ("
    "  name TEXT PRIMARY KEY,"
    "  body TEXT NOT NULL"  // JSON, see snapshot_record_json.h
    ") WITHOUT ROWID;",
    "CREATE TABLE volumes ("
    "  uuid TEXT PRIMARY KEY,"
    "  slug TEXT NOT NULL UNIQUE,"
    "  size_bytes INTEGER NOT NULL,"  // 0: unlimited
    "  limited_by TEXT NOT NULL,"
    "  project INTEGER NOT NULL UNIQUE,"
    "  created_at TEXT NOT NULL,"
    "  last_used TEXT NOT NULL,"  // "": never
    "  mount_count INTEGER NOT NULL"
    ") WITHOUT ROWID;",
};

std::unexpected<Error> failure(int code, sqlite3* handle, std::string_view what) {
  ErrorCode kind = ErrorCode::Internal;
  std::string remedy;
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      kind = ErrorCode::AlreadyExists;
      break;
    case SQLITE_FULL:
      kind = ErrorCode::Capacity;
      remedy = "The disk of the state directory is full: free some space and try again.";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      remedy =
          "Move the database file aside; running sandboxes can be listed with: agentkernel doctor";
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      kind = ErrorCode::PermissionDenied;
      break;
    default:
      break;
  }
  const char* text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return fail(kind, cat("state database: ", what, ": ", text), remedy);
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

void Statement::Finalize::operator()(sqlite3_stmt* handle) const {
  sqlite3_finalize(handle);
}

Database::Database(sqlite3* handle) : handle_(handle) {}

Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path) {
  // SQLite would create it with the umask's mode; agent keys are in it.
  AK_TRY(sys::openPath(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) {
    return failure(code, raw, cat("opening ", path));
  }
  sqlite3_busy_timeout(raw, 5000);
  AK_TRY(
      database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                       "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  AK_TRY(database.migrate());
  return database;
}

Status Database::migrate() {
  std::int64_t version = 0;
  {
    Statement query = AK_TRY(prepare("PRAGMA user_version"));
    if (AK_TRY(query.step())) {
      version = query.number(0);
    }
  }
  if (version > static_cast<std::int64_t>(kMigrations.size())) {
    return fail(ErrorCode::Conflict,
                cat("the state database has version ", version, ", this program knows ",
                    kMigrations.size()),
                "Install the newer agentkernel that wrote it, or choose another state directory.");
  }
  for (auto next = static_cast<std::size_t>(version); next < kMigrations.size(); ++next) {
    AK_TRY(transaction(
        [&] { return execute(cat(kMigrations[next], "PRAGMA user_version=", next + 1, ";")); }));
  }
  return {};
}

Status Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return failure(code, handle_.get(), "statement");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) {
    return failure(code, handle_.get(), "preparing a statement");
  }
  return Statement(raw);
}

// Bound values live until the statement has run, so SQLite need not copy them.
void Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(handle_.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC);
}

void Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), index, number);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  sqlite3* handle = sqlite3_db_handle(handle_.get());
  if (code != SQLITE_DONE) {
    auto error = failure(code, handle, "running a statement");
    sqlite3_reset(handle_.get());
    return error;
  }
  sqlite3_reset(handle_.get());
  return false;
}

Status Statement::run() {
  while (AK_TRY(step())) {
  }
  return {};
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

}  // namespace ak::store
