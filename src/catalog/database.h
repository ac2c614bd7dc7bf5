// One SQLite connection and its statements, with our errors. Private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace freshet::catalog {

// FRS numbers of this folder (1301 to 1349 belong to reference files).
inline constexpr int kErrorSchemaVersion = 1351;
inline constexpr int kErrorForeignFile = 1352;
inline constexpr int kErrorDamaged = 1353;
inline constexpr int kErrorInUse = 1354;
inline constexpr int kErrorRefused = 1355;  // by SQLite or the operating system
inline constexpr int kErrorArchiveMoved = 1356;
inline constexpr int kErrorHoldExists = 1357;
inline constexpr int kErrorNoHold = 1358;

// A prepared statement. Bind from 1, read columns from 0. Texts it gives are valid until the next
// step.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept : statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  Statement& operator=(Statement&&) = delete;

  // The values of one execution, in order.
  Statement& integer(std::int64_t value);
  Statement& text(std::string_view value);
  Statement& blob(std::string_view value);
  Statement& null();

  // True: a row is there. False: done.
  Result<bool> step();
  // Runs to the end and makes the statement ready for other values.
  Status run();

  std::int64_t integer_at(int column) const;
  bool is_null_at(int column) const;
  std::string text_at(int column) const;  // or the bytes of a blob

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int bind_result_ = 0;
};

class Database {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Status open(const std::string& path);
  Status execute(const std::string& statements);
  Result<Statement> prepare(std::string_view statement);
  Result<std::int64_t> integer(std::string_view statement);  // first column of the first row
  std::int64_t last_row_id() const;
  std::int64_t changes() const;

 private:
  sqlite3* connection_ = nullptr;
};

// Rolls back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace freshet::catalog
