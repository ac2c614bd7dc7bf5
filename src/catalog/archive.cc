#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace freshet::catalog {
Result<std::vector<ArchiveTableRow>> Catalog::archive_tables() {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT name, table_uuid, location, metadata_url, version, "
                                       "boundary, building, committed_us FROM archive_tables "
                                       "ORDER BY name"));
  std::vector<ArchiveTableRow> rows;
  while (true) {
    FRESHET_TRY(bool found, select.step());
    if (!found) return rows;
    rows.push_back({select.text_at(0), select.text_at(1), select.text_at(2), select.text_at(3),
                    select.integer_at(4), to_position(select.integer_at(5)),
                    to_position(select.integer_at(6)), select.integer_at(7)});
  }
}

Status Catalog::add_archive_table(const ArchiveTableRow& row) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement insert, state_->database.prepare(
                                    "INSERT INTO archive_tables VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.text(row.name).text(row.table_uuid).text(row.location).text(row.metadata_url);
  insert.integer(row.version).integer(to_integer(row.boundary)).integer(to_integer(row.building));
  return insert.integer(row.committed_us).run();
}

Status Catalog::begin_archive_append(const std::string& table, Position building) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement update,
              state_->database.prepare("UPDATE archive_tables SET building = ? WHERE name = ?"));
  return update.integer(to_integer(building)).text(table).run();
}

Status Catalog::commit_archive(const ArchiveCommit& commit) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_TRY(Statement update,
              database.prepare("UPDATE archive_tables SET metadata_url = ?, version = version + 1, "
                               "boundary = ?, committed_us = ? "
                               "WHERE name = ? AND version = ? AND boundary = ?"));
  update.text(commit.metadata_url).integer(to_integer(commit.boundary));
  update.integer(commit.committed_us).text(commit.table);
  update.integer(commit.expected_version).integer(to_integer(commit.expected_boundary));
  FRESHET_TRY_STATUS(update.run());
  if (database.changes() != 1) {
    return Error(
        Code::kExists, kErrorArchiveMoved,
        fmt::format("the archived table {} is not at version {} and position {} any more: "
                    "another writer has committed, and this commit is refused",
                    commit.table, commit.expected_version, commit.expected_boundary.value));
  }
  FRESHET_TRY(Statement insert,
              database.prepare("INSERT INTO archive_files VALUES (?, ?, ?, ?, ?)"));
  for (const ArchiveFileRow& file : commit.added) {
    insert.text(commit.table).text(file.name).integer(static_cast<std::int64_t>(file.bytes));
    FRESHET_TRY_STATUS(
        insert.integer(static_cast<std::int64_t>(file.rows)).text(file.checksum).run());
  }
  return transaction.commit();
}

Status Catalog::remove_unfinished_archive_table(const std::string& table) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement remove, state_->database.prepare(
                                    "DELETE FROM archive_tables WHERE name = ? AND boundary = 0"));
  return remove.text(table).run();
}

Result<std::vector<ArchiveFileRow>> Catalog::archive_files(const std::string& table) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT name, byte_count, row_count, checksum FROM "
                                       "archive_files WHERE table_name = ? ORDER BY name"));
  select.text(table);
  std::vector<ArchiveFileRow> rows;
  while (true) {
    FRESHET_TRY(bool found, select.step());
    if (!found) return rows;
    rows.push_back({select.text_at(0), static_cast<std::uint64_t>(select.integer_at(1)),
                    static_cast<std::uint64_t>(select.integer_at(2)), select.text_at(3)});
  }
}

Status Catalog::remove_archive_files(const std::string& table,
                                     const std::vector<std::string>& names) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Transaction transaction, Transaction::begin(state_->database));
  FRESHET_TRY(Statement remove, state_->database.prepare(
                                    "DELETE FROM archive_files WHERE table_name = ? AND name = ?"));
  for (const std::string& name : names) FRESHET_TRY_STATUS(remove.text(table).text(name).run());
  return transaction.commit();
}

}  // namespace freshet::catalog
