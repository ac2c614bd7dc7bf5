#include "archive/table_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "archive/iceberg/manifest_list.h"
#include "archive/iceberg/planner.h"

namespace freshet::archive {
namespace {

// Past so many texts of an IN list files are not asked for each of them.
constexpr std::size_t kTextsMax = 16;

// What the planner takes: it knows one text a column, so a list becomes several predicates, whose
// files together are the answer.
std::vector<iceberg::Predicate> predicates_of(const sql::ScanConstraints& constraints) {
  iceberg::Predicate ranges;
  for (const auto& [column, constraint] : constraints) {
    if (!constraint.minimum && !constraint.maximum) continue;
    ranges.ranges.push_back(
        {column, constraint.minimum.value_or(std::numeric_limits<std::int64_t>::min()),
         constraint.maximum.value_or(std::numeric_limits<std::int64_t>::max())});
  }
  std::vector<iceberg::Predicate> all{ranges};
  for (const auto& [column, constraint] : constraints) {
    if (!constraint.texts || constraint.texts->size() * all.size() > kTextsMax) continue;
    std::vector<iceberg::Predicate> crossed;
    for (const iceberg::Predicate& each : all) {
      for (const std::string& text : *constraint.texts) {
        crossed.push_back(each);
        crossed.back().texts.push_back({column, text});
      }
    }
    all = std::move(crossed);
  }
  return all;
}

// Where several texts are asked for, none of them alone is the reason.
std::string reason_of(const iceberg::Mismatch& why, const sql::ScanConstraints& constraints) {
  auto constraint = constraints.find(why.column);
  if (constraint == constraints.end() || !constraint->second.texts ||
      constraint->second.texts->size() < 2)
    return why.text();
  return fmt::format("{} is none of '{}'", why.column,
                     fmt::join(*constraint->second.texts, "', '"));
}

struct ChosenFiles {
  std::vector<iceberg::DataFile> files;  // by path
  std::vector<sql::LeftOut> left_out;
};

// A file is read where one of the predicates may match. Row-level deletes are refused: rows that
// they take away would be shown.
Result<ChosenFiles> choose_files(const TableState& state, const sql::ScanConstraints& constraints) {
  std::vector<iceberg::Planner> planners;
  for (iceberg::Predicate& predicate : predicates_of(constraints))
    planners.emplace_back(state.metadata, std::move(predicate));
  // The reason where no predicate matches; nothing where one may.
  auto why_not = [&](auto&&... what) -> std::optional<std::string> {
    std::string reason = "the conditions contradict each other";
    for (const iceberg::Planner& planner : planners) {
      std::optional<iceberg::Mismatch> why = planner.why_not(what...);
      if (!why) return std::nullopt;
      reason = reason_of(*why, constraints);
    }
    return reason;
  };
  ChosenFiles chosen;
  for (const HeldManifest& held : state.manifests) {
    FRESHET_TRY_STATUS(iceberg::refuse_deletes(held.listed));
    std::optional<std::string> whole = why_not(held.listed);
    for (const iceberg::ManifestEntry& entry : held.manifest->entries) {
      if (!entry.is_live()) continue;
      FRESHET_TRY_STATUS(iceberg::refuse_deletes(entry.file));
      auto reason = whole ? whole : why_not(entry.file, held.manifest->head.spec);
      if (!reason) {
        chosen.files.push_back(entry.file);
        continue;
      }
      sql::add_left_out(chosen.left_out, *reason,
                        static_cast<std::uint64_t>(entry.file.record_count),
                        static_cast<std::uint64_t>(entry.file.file_bytes));
    }
  }
  std::sort(chosen.files.begin(), chosen.files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return chosen;
}

}  // namespace

Result<std::vector<HeldManifest>> load_manifests(object_store::ObjectStore& store,
                                                 const iceberg::Snapshot& snapshot) {
  std::vector<HeldManifest> manifests;
  auto read = [&](const std::string& url) -> Result<std::string> {
    FRESHET_TRY(std::string name, name_in_store(store, url));
    auto bytes = store.get(name);
    if (!bytes) return std::move(bytes).error().with_context(url);
    return bytes;
  };
  FRESHET_TRY(std::string bytes, read(snapshot.manifest_list));
  auto list = iceberg::read_manifest_list(bytes);
  if (!list) return std::move(list).error().with_context(snapshot.manifest_list);
  for (iceberg::ManifestFile& listed : iceberg::live_manifests(*list)) {
    FRESHET_TRY(bytes, read(listed.path));
    auto manifest = iceberg::read_manifest(bytes, listed);
    if (!manifest) return std::move(manifest).error().with_context(listed.path);
    auto shared = std::make_shared<const iceberg::Manifest>(*std::move(manifest));
    manifests.push_back({std::move(listed), std::move(shared)});
  }
  return manifests;
}

std::string iceberg_name_of(std::string_view table) {
  std::string name(table);
  std::replace(name.begin(), name.end(), '$', '_');
  return name;
}

std::vector<iceberg::DataFile> TableState::live_files() const {
  std::vector<iceberg::DataFile> live;
  for (const HeldManifest& held : manifests) {
    for (const iceberg::ManifestEntry& entry : held.manifest->entries) {
      if (entry.is_live()) live.push_back(entry.file);
    }
  }
  return live;
}

Result<std::string> name_in_store(const object_store::ObjectStore& store, const std::string& url) {
  std::optional<std::string> name = store.name_of(url);
  if (name) return *std::move(name);
  return Error(Code::kInvalid, 3832,
               fmt::format("{} does not lie below {}: the archive was begun in another place; set "
                           "[archive] url to that place again",
                           url, store.root_url()));
}

Result<std::shared_ptr<const TableState>> load_table_state(object_store::ObjectStore& store,
                                                           catalog::Catalog& catalog,
                                                           const catalog::ArchiveTableRow& row) {
  auto state = std::make_shared<TableState>();
  state->row = row;
  FRESHET_TRY(std::string name, name_in_store(store, row.metadata_url));
  auto text = store.get(name);
  if (!text) return std::move(text).error().with_context(row.metadata_url);
  auto metadata = iceberg::parse_metadata(*text);
  if (!metadata) return std::move(metadata).error().with_context(row.metadata_url);
  state->metadata = *std::move(metadata);
  if (state->metadata.table_uuid != row.table_uuid) {
    return Error(
        Code::kCorruption, 3834,
        fmt::format("{}: the metadata is of table {}, the catalog knows {} as {}", row.metadata_url,
                    state->metadata.table_uuid, row.name, row.table_uuid));
  }
  if (const iceberg::Snapshot* current = state->metadata.current_snapshot()) {
    FRESHET_TRY(state->manifests, load_manifests(store, *current));
  }
  FRESHET_TRY(auto files, catalog.archive_files(row.name));
  for (catalog::ArchiveFileRow& file : files) {
    std::string file_name = file.name;
    state->files.emplace(std::move(file_name), std::move(file));
  }
  return std::shared_ptr<const TableState>(std::move(state));
}

Result<sql::ArchiveFile> local_file_of(const TableState& state, const iceberg::DataFile& file,
                                       LocalFiles& files, const object_store::ObjectStore& store,
                                       bool only_copies) {
  FRESHET_TRY(std::string name, name_in_store(store, file.path));
  sql::ArchiveFile local;
  local.bytes = static_cast<std::uint64_t>(file.file_bytes);
  local.name = file.path;
  local.rows = static_cast<std::uint64_t>(file.record_count);
  local.row_groups = file.split_offsets.size();
  auto known = state.files.find(name);
  if (known != state.files.end()) local.checksum = known->second.checksum;
  auto path = files.path_of({std::move(name), local.bytes, local.checksum}, only_copies);
  if (!path) return std::move(path).error().with_context(file.path);
  local.path = *std::move(path);
  return local;
}

Result<sql::ArchivePlan> plan_files(const TableState& state,
                                    const sql::ScanConstraints& constraints,
                                    sql::OnMissing on_missing, LocalFiles& files,
                                    const object_store::ObjectStore& store) {
  FRESHET_TRY(ChosenFiles chosen, choose_files(state, constraints));
  sql::ArchivePlan plan;
  plan.left_out = std::move(chosen.left_out);
  if (state.metadata.current_snapshot_id)
    plan.snapshot = fmt::format("snapshot {}", *state.metadata.current_snapshot_id);
  // A store that did not answer is not asked again for each file.
  bool store_is_away = false;
  for (const iceberg::DataFile& file : chosen.files) {
    auto local = local_file_of(state, file, files, store, store_is_away);
    if (local) {
      plan.files.push_back(*std::move(local));
      continue;
    }
    if (on_missing == sql::OnMissing::kFail) return std::move(local).error();
    Code code = local.error().code();
    store_is_away = store_is_away || code == Code::kUnavailable || code == Code::kTimeout;
    sql::ArchiveFile missing;
    missing.name = file.path;
    missing.rows = static_cast<std::uint64_t>(file.record_count);
    missing.failure = std::move(local).error();
    plan.files.push_back(std::move(missing));
  }
  return plan;
}

std::shared_ptr<const sql::ArchiveTable> archive_table_of(std::shared_ptr<const TableState> state,
                                                          std::vector<sql::ParquetColumn> columns,
                                                          std::shared_ptr<LocalFiles> files,
                                                          const object_store::ObjectStore& store) {
  auto table = std::make_shared<sql::ArchiveTable>();
  table->columns = std::move(columns);
  table->plan = [state = std::move(state), files = std::move(files), &store](
                    const sql::ScanConstraints& constraints, sql::OnMissing on_missing) {
    return plan_files(*state, constraints, on_missing, *files, store);
  };
  return table;
}

Status verify_file(object_store::ObjectStore& store, const TableState& state,
                   const iceberg::DataFile& file) {
  FRESHET_TRY(std::string name, name_in_store(store, file.path));
  FRESHET_TRY(auto found, checksum_in_store(store, name));
  auto recorded = state.files.find(name);
  if (recorded == state.files.end()) {
    return Error(Code::kCorruption, 3833,
                 fmt::format("{}: the metadata names it, the catalog does not know it", file.path));
  }
  const catalog::ArchiveFileRow& row = recorded->second;
  bool same = found == std::pair(row.bytes, row.checksum) &&
              static_cast<std::uint64_t>(file.file_bytes) == row.bytes &&
              static_cast<std::uint64_t>(file.record_count) == row.rows;
  if (same) return ok();
  return Error(Code::kCorruption, 3833,
               fmt::format("{}: {} bytes with checksum {} are stored; {} bytes with {} were "
                           "archived, of {} rows, and the manifest says {} bytes of {} rows",
                           file.path, found.first, found.second, row.bytes, row.checksum, row.rows,
                           file.file_bytes, file.record_count));
}

ArchivedTable description_of(const TableState& state) {
  ArchivedTable table;
  table.name = state.row.name;
  table.iceberg_name = iceberg_name_of(state.row.name);
  table.location = state.row.location;
  table.metadata_url = state.row.metadata_url;
  table.version = state.row.version;
  table.boundary = state.row.boundary;
  table.snapshot_id = state.metadata.current_snapshot_id;
  table.snapshots = state.metadata.snapshots.size();
  for (const iceberg::DataFile& file : state.live_files()) {
    ++table.files;
    table.rows += static_cast<std::uint64_t>(file.record_count);
    table.bytes += static_cast<std::uint64_t>(file.file_bytes);
  }
  table.committed_us = state.row.committed_us;
  return table;
}

}  // namespace freshet::archive
