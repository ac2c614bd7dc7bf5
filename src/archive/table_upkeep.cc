// What an archived table lets go: old snapshots, and objects that nothing names.
#include <fmt/format.h>

#include "archive/iceberg/manifest_list.h"
#include "archive/table.h"

namespace freshet::archive {

Status Table::expire(std::int64_t older_than_us) {
  MutexLock lock(commit_mutex_);
  std::shared_ptr<const TableState> base = state();
  iceberg::ExpireRules rules;
  rules.older_than_ms = older_than_us / 1000;
  iceberg::Expired expired = iceberg::expire_snapshots(base->metadata, rules, now_ms());
  if (expired.snapshots.empty()) return ok();
  return put_in_force(*base, std::move(expired.table), base->manifests, Change());
}

Result<std::uint64_t> Table::remove_orphans(std::int64_t grace_us) {
  // Listed first: what comes while we look is young.
  FRESHET_TRY(auto objects, parts_.store.list(folder() + "/"));
  FRESHET_TRY(std::set<std::string> in_use, names_in_use());
  std::int64_t now_us = parts_.clock.wall_us();
  std::uint64_t removed = 0;
  std::vector<std::string> files;
  for (const object_store::ObjectInfo& object : objects) {
    if (in_use.contains(object.name) || object.modified_us > now_us - grace_us) continue;
    FRESHET_TRY_STATUS(parts_.store.remove(object.name));
    ++removed;
    files.push_back(object.name);
  }
  if (files.empty()) return removed;
  FRESHET_TRY_STATUS(parts_.catalog.remove_archive_files(info_.name, files));
  MutexLock lock(commit_mutex_);
  auto next = std::make_shared<TableState>(*state());
  for (const std::string& name : files) next->files.erase(name);
  set_state(std::move(next));
  return removed;
}

Result<std::set<std::string>> Table::names_in_use() {
  std::shared_ptr<const TableState> now = state();
  std::set<std::string> names, manifests_seen;
  FRESHET_TRY_STATUS(add_name(now->row.metadata_url, names));
  for (const iceberg::MetadataLogEntry& entry : now->metadata.metadata_log)
    FRESHET_TRY_STATUS(add_name(entry.metadata_file, names));
  for (const iceberg::Snapshot& snapshot : now->metadata.snapshots)
    FRESHET_TRY_STATUS(add_snapshot_names(snapshot, names, manifests_seen));
  add_pinned_names(names);
  return names;
}

Status Table::add_snapshot_names(const iceberg::Snapshot& snapshot, std::set<std::string>& names,
                                 std::set<std::string>& manifests_seen) {
  FRESHET_TRY_STATUS(add_name(snapshot.manifest_list, names));
  FRESHET_TRY(std::string name, name_in_store(parts_.store, snapshot.manifest_list));
  FRESHET_TRY(std::string bytes, parts_.store.get(name));
  FRESHET_TRY(auto list, iceberg::read_manifest_list(bytes));
  for (const iceberg::ManifestFile& listed : list) {
    if (!manifests_seen.insert(listed.path).second) continue;
    FRESHET_TRY_STATUS(add_name(listed.path, names));
    FRESHET_TRY(name, name_in_store(parts_.store, listed.path));
    FRESHET_TRY(bytes, parts_.store.get(name));
    FRESHET_TRY(iceberg::Manifest manifest, iceberg::read_manifest(bytes, listed));
    for (const iceberg::ManifestEntry& entry : manifest.entries) {
      if (entry.is_live()) FRESHET_TRY_STATUS(add_name(entry.file.path, names));
    }
  }
  return ok();
}

Status Table::add_name(const std::string& url, std::set<std::string>& names) {
  FRESHET_TRY(std::string name, name_in_store(parts_.store, url));
  names.insert(std::move(name));
  return ok();
}

// Data files alone: a query has read everything else.
void Table::add_pinned_names(std::set<std::string>& names) {
  std::vector<std::shared_ptr<const TableState>> pinned;
  {
    MutexLock lock(mutex_);
    for (const auto& past : past_) {
      if (auto state = past.lock()) pinned.push_back(std::move(state));
    }
  }
  for (const auto& state : pinned) {
    for (const iceberg::DataFile& file : state->live_files()) {
      if (auto name = parts_.store.name_of(file.path)) names.insert(*std::move(name));
    }
  }
}

}  // namespace freshet::archive
