#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"
#include "common/bytes.h"

namespace freshet::catalog {
namespace {

// 32 digits, so that text order is number order.
std::string hash_to_text(HashKey key) {
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(key >> 64),
                     static_cast<std::uint64_t>(key));
}

Result<HashKey> hash_from_text(const std::string& text) {
  auto bytes = from_hex(text);
  if (!bytes || bytes->size() != 16) {
    return Error(Code::kCorruption, kErrorDamaged,
                 fmt::format("the catalog holds \"{}\" where a hash key must stand", text));
  }
  HashKey key = 0;
  for (char byte : *bytes) key = key << 8 | static_cast<unsigned char>(byte);
  return key;
}

template <typename T>
void bind_optional(Statement& statement, const std::optional<T>& value) {
  if (!value) {
    statement.null();
  } else if constexpr (std::is_same_v<T, Position>) {
    statement.integer(to_integer(*value));
  } else {
    statement.integer(*value);
  }
}

Status insert_partitions(Database& database, StreamId id, const StreamRow& row) {
  FRESHET_TRY(Statement insert,
              database.prepare("INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  for (const PartitionRow& partition : row.partitions) {
    insert.integer(id).integer(partition.id);
    insert.text(hash_to_text(partition.hash_first)).text(hash_to_text(partition.hash_last));
    bind_optional(insert, partition.parent);
    bind_optional(insert, partition.adjacent_parent);
    insert.integer(to_integer(partition.first));
    bind_optional(insert, partition.last);
    insert.integer(partition.created_us).integer(partition.closed_us);
    FRESHET_TRY_STATUS(insert.run());
  }
  return ok();
}

Status insert_tags(Database& database, StreamId id, const StreamRow& row) {
  FRESHET_TRY(Statement insert, database.prepare("INSERT INTO stream_tags VALUES (?, ?, ?)"));
  for (const auto& [name, value] : row.tags) {
    FRESHET_TRY_STATUS(insert.integer(id).text(name).text(value).run());
  }
  return ok();
}

Result<PartitionRow> read_partition(const Statement& row) {
  PartitionRow partition;
  partition.id = static_cast<PartitionId>(row.integer_at(1));
  FRESHET_TRY(partition.hash_first, hash_from_text(row.text_at(2)));
  FRESHET_TRY(partition.hash_last, hash_from_text(row.text_at(3)));
  if (!row.is_null_at(4)) partition.parent = static_cast<PartitionId>(row.integer_at(4));
  if (!row.is_null_at(5)) partition.adjacent_parent = static_cast<PartitionId>(row.integer_at(5));
  partition.first = to_position(row.integer_at(6));
  if (!row.is_null_at(7)) partition.last = to_position(row.integer_at(7));
  partition.created_us = row.integer_at(8);
  partition.closed_us = row.integer_at(9);
  return partition;
}

Status read_partitions(Database& database, std::map<StreamId, StreamRow>& streams) {
  FRESHET_TRY(Statement select,
              database.prepare("SELECT stream_id, id, hash_first, hash_last, parent, "
                               "adjacent_parent, first_position, last_position, created_us, "
                               "closed_us FROM partitions ORDER BY stream_id, id"));
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) return ok();
    FRESHET_TRY(PartitionRow partition, read_partition(select));
    streams[static_cast<StreamId>(select.integer_at(0))].partitions.push_back(partition);
  }
}

Status read_tags(Database& database, std::map<StreamId, StreamRow>& streams) {
  FRESHET_TRY(Statement select, database.prepare("SELECT stream_id, name, value FROM stream_tags"));
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) return ok();
    streams[static_cast<StreamId>(select.integer_at(0))].tags[select.text_at(1)] =
        select.text_at(2);
  }
}

Error no_such_stream(StreamId id) {
  return {Code::kNotFound, fmt::format("the catalog has no stream with id {}", id)};
}

}  // namespace

Result<std::vector<StreamRow>> Catalog::streams() {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Statement select,
              database.prepare("SELECT id, name, created_us, retention_us, record_bytes_max, "
                               "on_demand, visible_from FROM streams"));
  std::map<StreamId, StreamRow> by_id;
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) break;
    StreamRow row;
    row.id = static_cast<StreamId>(select.integer_at(0));
    row.name = select.text_at(1);
    row.created_us = select.integer_at(2);
    row.retention_us = select.integer_at(3);
    row.record_bytes_max = static_cast<std::uint64_t>(select.integer_at(4));
    row.on_demand = select.integer_at(5) != 0;
    row.visible_from = to_position(select.integer_at(6));
    by_id[row.id] = std::move(row);
  }
  FRESHET_TRY_STATUS(read_partitions(database, by_id));
  FRESHET_TRY_STATUS(read_tags(database, by_id));
  std::vector<StreamRow> rows;
  for (auto& [id, row] : by_id) rows.push_back(std::move(row));
  return rows;
}

Result<StreamId> Catalog::add_stream(const StreamRow& row) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_TRY(Statement insert,
              database.prepare("INSERT INTO streams (name, created_us, retention_us, "
                               "record_bytes_max, on_demand, visible_from) "
                               "VALUES (?, ?, ?, ?, ?, ?)"));
  insert.text(row.name).integer(row.created_us).integer(row.retention_us);
  insert.integer(static_cast<std::int64_t>(row.record_bytes_max)).integer(row.on_demand ? 1 : 0);
  auto inserted = insert.integer(to_integer(row.visible_from)).run();
  if (!inserted) {
    if (inserted.error().code() != Code::kExists) return std::move(inserted).error();
    return Error(Code::kExists, fmt::format("stream {} exists already", row.name));
  }
  auto id = static_cast<StreamId>(database.last_row_id());
  FRESHET_TRY_STATUS(insert_partitions(database, id, row));
  FRESHET_TRY_STATUS(insert_tags(database, id, row));
  FRESHET_TRY_STATUS(transaction.commit());
  return id;
}

Status Catalog::remove_stream(StreamId id) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Transaction transaction, Transaction::begin(state_->database));
  FRESHET_TRY(Statement remove, state_->database.prepare("DELETE FROM streams WHERE id = ?"));
  FRESHET_TRY_STATUS(remove.integer(id).run());
  if (state_->database.changes() == 0) return no_such_stream(id);
  return transaction.commit();
}

Status Catalog::update_stream(const StreamRow& row) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_TRY(Statement update,
              database.prepare("UPDATE streams SET created_us = ?, retention_us = ?, "
                               "record_bytes_max = ?, on_demand = ?, visible_from = ? "
                               "WHERE id = ?"));
  update.integer(row.created_us).integer(row.retention_us);
  update.integer(static_cast<std::int64_t>(row.record_bytes_max)).integer(row.on_demand ? 1 : 0);
  FRESHET_TRY_STATUS(update.integer(to_integer(row.visible_from)).integer(row.id).run());
  if (database.changes() == 0) return no_such_stream(row.id);
  for (const char* clear : {"DELETE FROM partitions WHERE stream_id = ?",
                            "DELETE FROM stream_tags WHERE stream_id = ?"}) {
    FRESHET_TRY(Statement remove, database.prepare(clear));
    FRESHET_TRY_STATUS(remove.integer(row.id).run());
  }
  FRESHET_TRY_STATUS(insert_partitions(database, row.id, row));
  FRESHET_TRY_STATUS(insert_tags(database, row.id, row));
  return transaction.commit();
}

}  // namespace freshet::catalog
