#include "catalog/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "common/logging.h"

namespace freshet::catalog {
namespace {

Error error_of(sqlite3* connection, int result) {
  const char* words = connection ? sqlite3_errmsg(connection) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_FULL:
      return {Code::kNoSpace, kErrorRefused,
              fmt::format("the catalog has no room on its disk ({}); free some space", words)};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::kUnavailable, kErrorInUse,
              fmt::format("another process uses the catalog ({}); stop it first", words)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kCorruption, kErrorDamaged,
              fmt::format("the catalog is damaged ({}); restore it from a copy", words)};
    case SQLITE_CONSTRAINT:
      return {Code::kExists, kErrorRefused, fmt::format("the catalog has it already ({})", words)};
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return {Code::kDenied, kErrorRefused,
              fmt::format("the catalog may not be written ({}); check its owner", words)};
    default:
      return {Code::kIo, kErrorRefused, fmt::format("the catalog failed: {}", words)};
  }
}

}  // namespace

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::integer(std::int64_t value) {
  bind_result_ |= sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::text(std::string_view value) {
  bind_result_ |= sqlite3_bind_text64(statement_, ++bound_, value.data() ? value.data() : "",
                                      value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::blob(std::string_view value) {
  bind_result_ |= sqlite3_bind_blob64(statement_, ++bound_, value.data() ? value.data() : "",
                                      value.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::null() {
  bind_result_ |= sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Result<bool> Statement::step() {
  if (bind_result_ != SQLITE_OK) {
    return Error(Code::kIo, kErrorRefused, "the catalog could not take a value (out of memory)");
  }
  int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_), result);
}

Status Statement::run() {
  for (;;) {
    auto row = step();
    if (!row || !*row) {
      sqlite3_reset(statement_);  // its result repeats the step's
      bound_ = 0;
      if (!row) return std::move(row).error();
      return ok();
    }
  }
}

std::int64_t Statement::integer_at(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool Statement::is_null_at(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string Statement::text_at(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

Database::~Database() {
  if (sqlite3_close_v2(connection_) != SQLITE_OK) log_error("the catalog did not close");
}

Status Database::open(const std::string& path) {
  int result = sqlite3_open_v2(
      path.c_str(), &connection_,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (result != SQLITE_OK) return error_of(connection_, result);
  sqlite3_busy_timeout(connection_, 2000);
  return ok();
}

Status Database::execute(const std::string& statements) {
  int result = sqlite3_exec(connection_, statements.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return error_of(connection_, result);
  return ok();
}

Result<Statement> Database::prepare(std::string_view statement) {
  sqlite3_stmt* prepared = nullptr;
  int result = sqlite3_prepare_v2(connection_, statement.data(), static_cast<int>(statement.size()),
                                  &prepared, nullptr);
  if (result != SQLITE_OK) return error_of(connection_, result);
  return Statement(prepared);
}

Result<std::int64_t> Database::integer(std::string_view statement) {
  FRESHET_TRY(Statement prepared, prepare(statement));
  FRESHET_TRY(bool row, prepared.step());
  if (!row) return Error(Code::kCorruption, kErrorDamaged, "the catalog lacks a row it must have");
  return prepared.integer_at(0);
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(connection_);
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_);
}

Result<Transaction> Transaction::begin(Database& database) {
  // IMMEDIATE takes the write lock now: a later statement cannot fail for another's sake.
  FRESHET_TRY_STATUS(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // SQLite may have rolled back by itself already (full disk); that is no second error.
  if (auto rolled = database_->execute("ROLLBACK"); !rolled) {
    log_debug("catalog rollback", {{"error", rolled.error().to_string()}});
  }
}

Status Transaction::commit() {
  FRESHET_TRY_STATUS(database_->execute("COMMIT"));
  database_ = nullptr;
  return ok();
}

}  // namespace freshet::catalog
