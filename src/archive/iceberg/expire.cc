// Which snapshots of a table may go.
#include <algorithm>

#include "archive/iceberg/table_changes.h"

namespace freshet::archive::iceberg {
namespace {

std::set<std::int64_t> kept_snapshots(const TableMetadata& table, const ExpireRules& rules) {
  std::set<std::int64_t> kept = rules.pinned;
  for (const auto& [name, reference] : table.references) kept.insert(reference.snapshot_id);
  const Snapshot* one = table.current_snapshot();
  for (std::size_t count = 0; one != nullptr && count < rules.keep_at_least; ++count) {
    kept.insert(one->snapshot_id);
    one = one->parent_snapshot_id ? table.find_snapshot(*one->parent_snapshot_id) : nullptr;
  }
  if (table.current_snapshot_id) kept.insert(*table.current_snapshot_id);
  for (const Snapshot& snapshot : table.snapshots) {
    if (snapshot.timestamp_ms >= rules.older_than_ms) kept.insert(snapshot.snapshot_id);
  }
  return kept;
}

// A log with a gap would give wrong answers to "what was current at this time", so what stands
// before a snapshot that left goes with it.
void trim_snapshot_log(TableMetadata& table) {
  auto& log = table.snapshot_log;
  auto is_gone = [&](const SnapshotLogEntry& entry) {
    return table.find_snapshot(entry.snapshot_id) == nullptr;
  };
  auto last_gone = std::find_if(log.rbegin(), log.rend(), is_gone);
  log.erase(log.begin(), last_gone.base());
}

// Statistics files that other engines noted for a snapshot have no meaning without it.
void trim_statistics(TableMetadata& table) {
  for (JsonValue::Member& member : table.unknown) {
    bool is_statistics = member.name == "statistics" || member.name == "partition-statistics";
    if (!is_statistics || member.value.items() == nullptr) continue;
    JsonValue kept = JsonValue::list();
    for (const JsonValue& item : *member.value.items()) {
      const JsonValue* id = item.find("snapshot-id");
      bool is_there =
          id == nullptr || !id->integer() || table.find_snapshot(*id->integer()) != nullptr;
      if (is_there) kept.push(item);
    }
    member.value = std::move(kept);
  }
}

}  // namespace

Expired expire_snapshots(TableMetadata table, const ExpireRules& rules, std::int64_t now_ms) {
  std::set<std::int64_t> kept = kept_snapshots(table, rules);
  auto stays = [&](const Snapshot& snapshot) { return kept.count(snapshot.snapshot_id) > 0; };
  auto first_gone = std::stable_partition(table.snapshots.begin(), table.snapshots.end(), stays);
  Expired expired;
  expired.snapshots.assign(std::make_move_iterator(first_gone),
                           std::make_move_iterator(table.snapshots.end()));
  if (!expired.snapshots.empty()) {
    table.snapshots.erase(first_gone, table.snapshots.end());
    trim_snapshot_log(table);
    trim_statistics(table);
    table.last_updated_ms = std::max(table.last_updated_ms, now_ms);
  }
  expired.table = std::move(table);
  return expired;
}

}  // namespace freshet::archive::iceberg
