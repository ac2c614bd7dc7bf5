#include "archive/table_past.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "archive/iceberg/table_changes.h"
#include "common/time_text.h"

namespace freshet::archive {
namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

// 0 where there is none, or no number.
template <typename Number>
Number number_in(const iceberg::Snapshot& snapshot, std::string_view key, std::size_t begin = 0) {
  auto found = snapshot.summary.find(std::string(key));
  if (found == snapshot.summary.end() || found->second.size() < begin) return 0;
  Number number = 0;
  std::from_chars(found->second.data() + begin, found->second.data() + found->second.size(),
                  number);
  return number;
}

// "0:1234"
std::int64_t boundary_of(const iceberg::Snapshot& snapshot) {
  auto found = snapshot.summary.find(std::string(iceberg::kPositionsKey));
  if (found == snapshot.summary.end()) return 0;
  std::size_t colon = found->second.find(':');
  return colon == std::string::npos
             ? 0
             : number_in<std::int64_t>(snapshot, iceberg::kPositionsKey, colon + 1);
}

Error no_longer_kept(const TableState& now) {
  Rewrites rewrites = rewrites_of(*now.metadata.current_snapshot());
  return {Code::kNotFound, 5019,
          fmt::format("rows of table {} were removed from the archive since then (last at {}), and "
                      "the snapshot before that is no longer kept: the same answer cannot be given "
                      "again; archive.keep_snapshots says how long it can",
                      now.row.name, format_rfc3339_us(rewrites.last_ms * 1000))};
}

// How many rewrites there had been at a time: as the last snapshot before it says, or else the
// first one behind it, if its last rewrite is older.
Result<std::uint32_t> rewrites_at(const TableState& now, std::int64_t time_ms) {
  std::vector<const iceberg::Snapshot*> ordered;
  for (const iceberg::Snapshot& snapshot : now.metadata.snapshots) ordered.push_back(&snapshot);
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->sequence_number < b->sequence_number; });
  const iceberg::Snapshot* nearest = ordered.front();
  for (const iceberg::Snapshot* snapshot : ordered) {
    if (snapshot->timestamp_ms <= time_ms) nearest = snapshot;
  }
  Rewrites rewrites = rewrites_of(*nearest);
  if (rewrites.count > 0 && rewrites.last_ms > time_ms) return no_longer_kept(now);
  return rewrites.count;
}

// The last snapshot with so many rewrites: the one right before the next rewrite.
const iceberg::Snapshot* last_with(const iceberg::TableMetadata& metadata, std::uint32_t rewrites) {
  const iceberg::Snapshot* last = nullptr;
  for (const iceberg::Snapshot& snapshot : metadata.snapshots) {
    if (rewrites_of(snapshot).count != rewrites) continue;
    if (last == nullptr || snapshot.sequence_number > last->sequence_number) last = &snapshot;
  }
  if (last == nullptr) return nullptr;
  auto is_next = [&](const iceberg::Snapshot& snapshot) {
    return snapshot.sequence_number == last->sequence_number + 1 &&
           rewrites_of(snapshot).count == rewrites + 1;
  };
  bool is_kept = std::any_of(metadata.snapshots.begin(), metadata.snapshots.end(), is_next);
  return is_kept ? last : nullptr;
}

// A state of the table and the positions that are read there.
struct Part {
  std::shared_ptr<const TableState> state;
  sql::PositionRange positions;
};

Result<sql::ArchivePlan> plan_parts(const std::vector<Part>& parts,
                                    const sql::ScanConstraints& constraints,
                                    sql::OnMissing on_missing, LocalFiles& files,
                                    const object_store::ObjectStore& store) {
  sql::ArchivePlan all;
  for (const Part& part : parts) {
    sql::ScanConstraints within = constraints;
    sql::ColumnConstraint& position = within["position"];
    std::int64_t first = part.positions.above + 1;
    position.minimum = std::max(position.minimum.value_or(first), first);
    position.maximum =
        std::min(position.maximum.value_or(part.positions.last), part.positions.last);
    FRESHET_TRY(sql::ArchivePlan plan, plan_files(*part.state, within, on_missing, files, store));
    for (sql::ArchiveFile& file : plan.files) {
      file.positions = part.positions;
      all.files.push_back(std::move(file));
    }
    all.left_out.insert(all.left_out.end(), plan.left_out.begin(), plan.left_out.end());
    all.snapshot += (all.snapshot.empty() ? "" : ", ") + plan.snapshot;
  }
  return all;
}

}  // namespace

Rewrites rewrites_of(const iceberg::Snapshot& snapshot) {
  return {number_in<std::uint32_t>(snapshot, iceberg::kRewritesKey),
          number_in<std::int64_t>(snapshot, iceberg::kRewrittenKey)};
}

Result<std::shared_ptr<const sql::ArchiveTable>> archive_table_at(
    std::shared_ptr<const TableState> now, const pipeline::ArchiveMoment& moment,
    std::vector<sql::ParquetColumn> columns, std::shared_ptr<LocalFiles> files,
    object_store::ObjectStore& store) {
  const iceberg::TableMetadata& metadata = now->metadata;
  std::uint32_t current =
      metadata.current_snapshot() == nullptr ? 0 : rewrites_of(*metadata.current_snapshot()).count;
  std::uint32_t then = moment.rewrites.value_or(current);
  if (!moment.rewrites && current > 0) {
    FRESHET_TRY(then, rewrites_at(*now, moment.time_us / 1000));
  }
  if (then >= current) return archive_table_of(std::move(now), std::move(columns), files, store);
  // A rewrite touches rows of files alone, so what was in memory at each of them is read from the
  // state behind it.
  std::vector<Part> parts;
  std::int64_t above = -1;
  for (; then < current && above < moment.last; ++then) {
    const iceberg::Snapshot* snapshot = last_with(metadata, then);
    if (snapshot == nullptr) return no_longer_kept(*now);
    auto state = std::make_shared<TableState>(*now);
    state->metadata.current_snapshot_id = snapshot->snapshot_id;
    FRESHET_TRY(state->manifests, load_manifests(store, *snapshot));
    std::int64_t last = boundary_of(*snapshot);
    parts.push_back({std::move(state), {above, last}});
    above = std::max(above, last);
  }
  if (above < moment.last) parts.push_back({now, {above, kEndless}});
  auto table = std::make_shared<sql::ArchiveTable>();
  table->columns = std::move(columns);
  table->plan = [parts = std::move(parts), files = std::move(files), &store](
                    const sql::ScanConstraints& constraints, sql::OnMissing on_missing) {
    return plan_parts(parts, constraints, on_missing, *files, store);
  };
  return std::shared_ptr<const sql::ArchiveTable>(std::move(table));
}

}  // namespace freshet::archive
