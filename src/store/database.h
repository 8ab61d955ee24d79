#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ak::store {

class Statement;

// One SQLite connection: WAL, synchronous=FULL (what was acknowledged survives a power cut),
// foreign keys on. Not thread-safe: one writer, used from one thread at a time.
class Database {
 public:
  // Creates the file 0600 if missing. Conflict when the file is newer than this program knows.
  static Result<Database> open(const std::string& path);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  Status execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);

  // Runs `work` in a transaction; rolled back unless it succeeds.
  template <typename Work>
  Status transaction(Work work) {
    AK_TRY(execute("BEGIN IMMEDIATE"));
    if (Status done = work(); !done) {
      (void)execute("ROLLBACK");  // the first error is the one to report
      return done;
    }
    return execute("COMMIT");
  }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };

  explicit Database(sqlite3* handle);
  Status migrate();

  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement; parameters count from 1, columns from 0.
class Statement {
 public:
  void bind(int index, std::string_view text);
  void bindBlob(int index, std::string_view bytes);
  void bind(int index, std::int64_t number);

  // True: a row is there. False: done. Resets itself when done or failed.
  Result<bool> step();
  Status run();  // for statements without rows

  std::string text(int column) const;
  std::int64_t number(int column) const;

 private:
  friend class Database;

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };

  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace ak::store
