#include "archive/table_state.h"

#include <fmt/format.h>

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

Result<std::vector<iceberg::DataFile>> choose_files(const TableState& state,
                                                    const sql::ScanConstraints& constraints) {
  std::map<std::string, iceberg::DataFile> chosen;
  std::vector<iceberg::ManifestFile> list;
  for (const HeldManifest& held : state.manifests) list.push_back(held.listed);
  for (iceberg::Predicate& predicate : predicates_of(constraints)) {
    iceberg::Planner planner(state.metadata, std::move(predicate));
    // Refuses what it cannot read right, such as row-level deletes.
    FRESHET_TRY([[maybe_unused]] auto selected, planner.select_manifests(list));
    for (const HeldManifest& held : state.manifests) {
      if (!planner.may_match(held.listed)) continue;
      FRESHET_TRY(std::vector<iceberg::DataFile> files, planner.select_files(*held.manifest));
      for (iceberg::DataFile& file : files) chosen.emplace(file.path, std::move(file));
    }
  }
  std::vector<iceberg::DataFile> files;
  for (auto& [path, file] : chosen) files.push_back(std::move(file));
  return files;
}

Result<std::vector<HeldManifest>> load_manifests(object_store::ObjectStore& store,
                                                 const iceberg::TableMetadata& metadata) {
  std::vector<HeldManifest> manifests;
  const iceberg::Snapshot* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return manifests;
  auto read = [&](const std::string& url) -> Result<std::string> {
    FRESHET_TRY(std::string name, name_in_store(store, url));
    auto bytes = store.get(name);
    if (!bytes) return std::move(bytes).error().with_context(url);
    return bytes;
  };
  FRESHET_TRY(std::string bytes, read(snapshot->manifest_list));
  auto list = iceberg::read_manifest_list(bytes);
  if (!list) return std::move(list).error().with_context(snapshot->manifest_list);
  for (iceberg::ManifestFile& listed : iceberg::live_manifests(*list)) {
    FRESHET_TRY(bytes, read(listed.path));
    auto manifest = iceberg::read_manifest(bytes, listed);
    if (!manifest) return std::move(manifest).error().with_context(listed.path);
    auto shared = std::make_shared<const iceberg::Manifest>(*std::move(manifest));
    manifests.push_back({std::move(listed), std::move(shared)});
  }
  return manifests;
}

}  // namespace

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
  FRESHET_TRY(state->manifests, load_manifests(store, state->metadata));
  FRESHET_TRY(auto files, catalog.archive_files(row.name));
  for (catalog::ArchiveFileRow& file : files) {
    std::string file_name = file.name;
    state->files.emplace(std::move(file_name), std::move(file));
  }
  return std::shared_ptr<const TableState>(std::move(state));
}

Result<sql::ArchiveFile> local_file_of(const TableState& state, const iceberg::DataFile& file,
                                       LocalFiles& files, const object_store::ObjectStore& store) {
  FRESHET_TRY(std::string name, name_in_store(store, file.path));
  auto known = state.files.find(name);
  std::string checksum = known == state.files.end() ? "" : known->second.checksum;
  auto bytes = static_cast<std::uint64_t>(file.file_bytes);
  auto path = files.path_of({std::move(name), bytes, checksum});
  if (!path) return std::move(path).error().with_context(file.path);
  return sql::ArchiveFile{*std::move(path), bytes, std::move(checksum)};
}

std::shared_ptr<const sql::ArchiveTable> archive_table_of(std::shared_ptr<const TableState> state,
                                                          std::vector<sql::ParquetColumn> columns,
                                                          std::shared_ptr<LocalFiles> files,
                                                          const object_store::ObjectStore& store) {
  auto table = std::make_shared<sql::ArchiveTable>();
  table->columns = std::move(columns);
  table->plan =
      [state = std::move(state), files = std::move(files),
       &store](const sql::ScanConstraints& constraints) -> Result<std::vector<sql::ArchiveFile>> {
    FRESHET_TRY(std::vector<iceberg::DataFile> chosen, choose_files(*state, constraints));
    std::vector<sql::ArchiveFile> planned;
    for (const iceberg::DataFile& file : chosen) {
      FRESHET_TRY(sql::ArchiveFile local, local_file_of(*state, file, *files, store));
      planned.push_back(std::move(local));
    }
    return planned;
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
