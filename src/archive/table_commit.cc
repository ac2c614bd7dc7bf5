// How an archived table goes from one commit to the next.
#include <fmt/format.h>

#include <set>

#include "archive/iceberg/manifest_list.h"
#include "archive/table.h"
#include "archive/table_past.h"

namespace freshet::archive {
namespace {

// More manifests than this become one: a query looks at each.
constexpr std::size_t kManifestsMax = 100;

std::string positions_text(Position position) {
  return fmt::format("0:{}", position.value);
}

void note_rewrites(const TableState& base, iceberg::Operation operation, std::int64_t now_ms,
                   iceberg::Properties& extra) {
  Rewrites rewrites;
  if (const iceberg::Snapshot* current = base.metadata.current_snapshot())
    rewrites = rewrites_of(*current);
  if (operation == iceberg::Operation::kOverwrite || operation == iceberg::Operation::kDelete)
    rewrites = {rewrites.count + 1, now_ms};
  if (rewrites.count == 0) return;
  extra[std::string(iceberg::kRewritesKey)] = std::to_string(rewrites.count);
  extra[std::string(iceberg::kRewrittenKey)] = std::to_string(rewrites.last_ms);
}

iceberg::ManifestHead head_of(const iceberg::TableMetadata& table) {
  return {table.current_schema(), table.default_spec(), iceberg::ManifestContent::kData};
}

}  // namespace

Status Table::commit(const Change& change) {
  MutexLock lock(commit_mutex_);
  std::shared_ptr<const TableState> base = state();
  if (change.added.empty() && change.removed.empty())
    return put_in_force(*base, base->metadata, base->manifests, change);
  std::vector<HeldManifest> manifests;
  FRESHET_TRY(iceberg::TableMetadata next, with_snapshot(*base, change, manifests));
  return put_in_force(*base, std::move(next), std::move(manifests), change);
}

Result<iceberg::TableMetadata> Table::with_snapshot(const TableState& base, const Change& change,
                                                    std::vector<HeldManifest>& manifests) {
  iceberg::NewSnapshot snapshot;
  snapshot.snapshot_id = static_cast<std::int64_t>(parts_.random.next_u64() >> 1 | 1);
  snapshot.parent_snapshot_id = base.metadata.current_snapshot_id;
  snapshot.operation = change.operation;
  snapshot.extra[std::string(iceberg::kPositionsKey)] =
      positions_text(change.boundary.value_or(base.row.boundary));
  snapshot.extra[std::string(iceberg::kExpectedKey)] = positions_text(base.row.boundary);
  snapshot.extra[std::string(iceberg::kReferenceVersionsKey)] = std::to_string(change.ref_version);
  note_rewrites(base, change.operation, now_ms(), snapshot.extra);
  std::int64_t sequence = iceberg::next_sequence_number(base.metadata);
  FRESHET_TRY(manifests, next_manifests(base, change, snapshot, sequence));
  std::vector<iceberg::ManifestFile> listed;
  for (const HeldManifest& held : manifests) listed.push_back(held.listed);
  FRESHET_TRY(std::string list,
              iceberg::write_manifest_list(
                  {snapshot.snapshot_id, snapshot.parent_snapshot_id, sequence}, listed));
  FRESHET_TRY(snapshot.manifest_list,
              put_metadata_object(
                  fmt::format("snap-{}-1-{}.avro", snapshot.snapshot_id, random_uuid()), list));
  return iceberg::add_snapshot(base.metadata, snapshot, now_ms());
}

// The manifests of the next snapshot: those of this one, written anew where a file leaves them, and
// one for what is added.
Result<std::vector<HeldManifest>> Table::next_manifests(const TableState& base,
                                                        const Change& change,
                                                        iceberg::NewSnapshot& snapshot,
                                                        std::int64_t sequence_number) {
  std::vector<HeldManifest> manifests;
  std::set<std::string> removed(change.removed.begin(), change.removed.end());
  bool merge = base.manifests.size() >= kManifestsMax;
  std::vector<iceberg::ManifestEntry> merged;
  for (const HeldManifest& held : base.manifests) {
    std::size_t before = removed.size();
    std::vector<iceberg::ManifestEntry> entries =
        iceberg::rewrite_entries(held.manifest->entries, snapshot.snapshot_id, removed);
    for (iceberg::ManifestEntry& entry : entries) {
      if (entry.is_live()) continue;
      snapshot.deleted.add(entry.file);
      if (!change.is_erasure) continue;
      entry.file.lower_bounds.clear();
      entry.file.upper_bounds.clear();
    }
    if (merge) {
      merged.insert(merged.end(), entries.begin(), entries.end());
    } else if (removed.size() == before) {
      if (held.listed.added_files + held.listed.existing_files > 0) manifests.push_back(held);
    } else {
      FRESHET_TRY(HeldManifest rewritten, write_manifest(held.manifest->head, entries,
                                                         snapshot.snapshot_id, sequence_number));
      manifests.push_back(std::move(rewritten));
    }
  }
  if (!removed.empty()) {
    return Error(
        Code::kInternal, 3835,
        fmt::format("table {}: {} is not in its current snapshot", info_.name, *removed.begin()));
  }
  if (!merged.empty()) {
    FRESHET_TRY(HeldManifest one, write_manifest(head_of(base.metadata), merged,
                                                 snapshot.snapshot_id, sequence_number));
    manifests.push_back(std::move(one));
  }
  std::vector<iceberg::ManifestEntry> added;
  for (const NewFile& file : change.added) {
    iceberg::ManifestEntry& entry = added.emplace_back();
    entry.snapshot_id = snapshot.snapshot_id;
    entry.file = file.data;
    snapshot.added.add(file.data);
  }
  if (!added.empty()) {
    FRESHET_TRY(HeldManifest one, write_manifest(head_of(base.metadata), added,
                                                 snapshot.snapshot_id, sequence_number));
    manifests.push_back(std::move(one));
  }
  return manifests;
}

// Held as it will be read back.
Result<HeldManifest> Table::write_manifest(const iceberg::ManifestHead& head,
                                           const std::vector<iceberg::ManifestEntry>& entries,
                                           std::int64_t snapshot_id, std::int64_t sequence_number) {
  std::string name = fmt::format("{}-m0.avro", random_uuid());
  std::string url = parts_.store.url_of(fmt::format("{}/metadata/{}", folder(), name));
  FRESHET_TRY(iceberg::WrittenManifest written,
              iceberg::write_manifest(url, snapshot_id, head, entries));
  FRESHET_TRY([[maybe_unused]] std::string put, put_metadata_object(name, written.bytes));
  HeldManifest held;
  held.listed = written.listed;
  if (!held.listed.sequence_number) held.listed.sequence_number = sequence_number;
  if (!held.listed.min_sequence_number) held.listed.min_sequence_number = sequence_number;
  FRESHET_TRY(iceberg::Manifest manifest, iceberg::read_manifest(written.bytes, held.listed));
  held.manifest = std::make_shared<const iceberg::Manifest>(std::move(manifest));
  return held;
}

// The metadata file, where it differs from the one in force, and the compare-and-swap.
Status Table::put_in_force(const TableState& base, iceberg::TableMetadata metadata,
                           std::vector<HeldManifest> manifests, const Change& change) {
  auto next = std::make_shared<TableState>();
  next->row = base.row;
  next->files = base.files;
  if (!(metadata == base.metadata)) {
    metadata = iceberg::record_previous_metadata(std::move(metadata), base.row.metadata_url,
                                                 base.metadata.last_updated_ms);
    FRESHET_TRY(
        next->row.metadata_url,
        put_metadata_object(iceberg::metadata_file_name(base.row.version + 1, random_uuid()),
                            iceberg::write_metadata(metadata)));
  }
  catalog::ArchiveCommit commit;
  commit.table = info_.name;
  commit.expected_version = base.row.version;
  commit.expected_boundary = base.row.boundary;
  commit.metadata_url = next->row.metadata_url;
  commit.boundary = change.boundary.value_or(base.row.boundary);
  commit.committed_us = parts_.clock.wall_us();
  for (const NewFile& file : change.added) {
    commit.added.push_back(file.row);
    next->files[file.row.name] = file.row;
  }
  FRESHET_TRY_STATUS(swap(commit));
  next->row.version = base.row.version + 1;
  next->row.boundary = commit.boundary;
  next->row.committed_us = commit.committed_us;
  next->metadata = std::move(metadata);
  next->manifests = std::move(manifests);
  set_state(std::move(next));
  return ok();
}

// Where the catalog gives no clear answer, what stands in it is the answer.
Status Table::swap(const catalog::ArchiveCommit& commit) {
  Status swapped = parts_.catalog.commit_archive(commit);
  if (swapped || swapped.error().code() == Code::kExists) return swapped;
  FRESHET_TRY(auto rows, parts_.catalog.archive_tables());
  for (const catalog::ArchiveTableRow& row : rows) {
    bool is_ours = row.name == commit.table && row.version == commit.expected_version + 1 &&
                   row.metadata_url == commit.metadata_url && row.boundary == commit.boundary;
    if (is_ours) return ok();
  }
  return swapped;
}

}  // namespace freshet::archive
