#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace freshet::catalog {

Result<std::vector<ErasureRow>> Catalog::erasures() {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select, state_->database.prepare(
                                    "SELECT number, label, camera_id, from_us, to_us, digests, "
                                    "state, asked_us, asked_by, changed_us, report FROM erasures "
                                    "ORDER BY number"));
  std::vector<ErasureRow> rows;
  while (true) {
    FRESHET_TRY(bool found, select.step());
    if (!found) return rows;
    rows.push_back({select.integer_at(0), select.text_at(1), select.text_at(2),
                    select.integer_at(3), select.integer_at(4), select.text_at(5),
                    select.text_at(6), select.integer_at(7), select.text_at(8),
                    select.integer_at(9), select.text_at(10)});
  }
}

Result<std::int64_t> Catalog::add_erasure(const ErasureRow& row) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement insert,
              state_->database.prepare(
                  "INSERT INTO erasures (label, camera_id, from_us, to_us, digests, state, "
                  "asked_us, asked_by, changed_us, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.text(row.label).text(row.camera_id).integer(row.from_us).integer(row.to_us);
  insert.blob(row.digests).text(row.state).integer(row.asked_us).text(row.asked_by);
  FRESHET_TRY_STATUS(insert.integer(row.changed_us).text(row.report).run());
  return state_->database.last_row_id();
}

Status Catalog::update_erasure(const ErasureRow& row) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement update, state_->database.prepare(
                                    "UPDATE erasures SET digests = ?, state = ?, changed_us = ?, "
                                    "report = ? WHERE number = ?"));
  update.blob(row.digests).text(row.state).integer(row.changed_us).text(row.report);
  return update.integer(row.number).run();
}

Result<std::vector<HoldRow>> Catalog::holds() {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT number, name, camera_id, from_us, to_us, digest, "
                                       "arrived_from_us, placed_us, placed_by, lifted_us, "
                                       "lifted_by FROM holds ORDER BY number"));
  std::vector<HoldRow> rows;
  while (true) {
    FRESHET_TRY(bool found, select.step());
    if (!found) return rows;
    rows.push_back({select.integer_at(0), select.text_at(1), select.text_at(2),
                    select.integer_at(3), select.integer_at(4), select.text_at(5),
                    select.integer_at(6), select.integer_at(7), select.text_at(8),
                    select.integer_at(9), select.text_at(10)});
  }
}

Result<std::int64_t> Catalog::add_hold(const HoldRow& row) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_TRY(Statement select,
              database.prepare("SELECT 1 FROM holds WHERE name = ? AND lifted_us = 0"));
  FRESHET_TRY(bool taken, select.text(row.name).step());
  if (taken) {
    return Error(Code::kExists, kErrorHoldExists,
                 fmt::format("a hold named \"{}\" is in force already; give this one another name",
                             row.name));
  }
  FRESHET_TRY(Statement insert,
              database.prepare(
                  "INSERT INTO holds (name, camera_id, from_us, to_us, digest, arrived_from_us, "
                  "placed_us, placed_by, lifted_us, lifted_by) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '')"));
  insert.text(row.name).text(row.camera_id).integer(row.from_us).integer(row.to_us);
  insert.blob(row.digest).integer(row.arrived_from_us).integer(row.placed_us);
  FRESHET_TRY_STATUS(insert.text(row.placed_by).run());
  std::int64_t number = database.last_row_id();
  FRESHET_TRY_STATUS(transaction.commit());
  return number;
}

Status Catalog::lift_hold(const std::string& name, std::int64_t now_us, const std::string& by) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement update,
              state_->database.prepare("UPDATE holds SET lifted_us = ?, lifted_by = ? "
                                       "WHERE name = ? AND lifted_us = 0"));
  FRESHET_TRY_STATUS(update.integer(now_us).text(by).text(name).run());
  if (state_->database.changes() == 1) return ok();
  return Error(Code::kNotFound, kErrorNoHold,
               fmt::format("no hold named \"{}\" is in force: freshet hold ls lists them", name));
}

}  // namespace freshet::catalog
