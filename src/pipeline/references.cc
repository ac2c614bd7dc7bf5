#include "pipeline/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "log/reader.h"

namespace freshet::pipeline {

Result<std::shared_ptr<const ReferenceTable>> References::load(std::uint32_t version) {
  FRESHET_TRY(std::string bytes, catalog_.reference_bytes(version));
  auto table = ReferenceTable::from_bytes(bytes);
  if (!table)
    return std::move(table).error().with_context(fmt::format("reference version {}", version));
  return table;
}

void References::set_active(std::uint32_t version, std::shared_ptr<const ReferenceTable> table) {
  MutexLock lock(mutex_);
  Active& active = active_[table->name()];
  if (version >= active.version) active = {version, std::move(table)};
}

References::Active References::active(std::string_view table) {
  MutexLock lock(mutex_);
  auto found = active_.find(table);
  return found == active_.end() ? Active{} : found->second;
}

Status References::prepare_replay(std::uint32_t journal) {
  FRESHET_TRY(auto in_force, in_force_before(journal, shards_[journal]->reader().first_position()));
  for (const ReferenceInForce& reference : in_force)
    FRESHET_TRY_STATUS(put_in_force(journal, reference));
  return ok();
}

// A row names the version that came into force last, whichever table it is of: so their order
// counts.
Result<std::vector<ReferenceInForce>> References::in_force_before(std::uint32_t journal,
                                                                  Position position) {
  MutexLock change_lock(change_mutex_);
  FRESHET_TRY(auto activations, catalog_.reference_activations(journal));
  FRESHET_TRY(auto versions, catalog_.reference_versions());
  std::map<std::uint32_t, std::string> table_of;
  for (const auto& version : versions) table_of[version.version] = version.table;
  std::map<std::string, ReferenceInForce> newest;
  for (const auto& activation : activations) {
    if (activation.position < position)
      newest[table_of[activation.version]] = {activation.version, activation.position};
  }
  std::vector<ReferenceInForce> in_force;
  for (const auto& [table, reference] : newest) in_force.push_back(reference);
  std::sort(in_force.begin(), in_force.end(),
            [](const auto& a, const auto& b) { return a.position < b.position; });
  return in_force;
}

Status References::put_in_force(std::uint32_t journal, const ReferenceInForce& reference) {
  FRESHET_TRY(auto loaded, load(reference.version));
  FRESHET_TRY_STATUS(shards_[journal]->set_reference(loaded, reference));
  set_active(reference.version, std::move(loaded));
  return ok();
}

Status References::restore(std::uint32_t journal, const std::vector<ReferenceInForce>& in_force) {
  for (const ReferenceInForce& reference : in_force) {
    FRESHET_TRY_STATUS(put_in_force(journal, reference));
    FRESHET_TRY_STATUS(
        catalog_.add_reference_activation({journal, reference.version, reference.position}));
  }
  return ok();
}

Status References::finish_replay(std::uint32_t journal) {
  for (const auto& [position, change] : shards_[journal]->replayed_switches()) {
    FRESHET_TRY_STATUS(catalog_.add_reference_activation({journal, change.version, position}));
    if (active(change.table).version >= change.version) continue;
    FRESHET_TRY(auto loaded, load(change.version));
    set_active(change.version, std::move(loaded));
  }
  return ok();
}

Result<catalog::ReferenceVersion> References::switch_to_file(
    const std::shared_ptr<const ReferenceTable>& table, std::int64_t now_us) {
  static const std::string kSource = "configuration";
  FRESHET_TRY(auto rows, versions());
  std::uint32_t in_force = active(table->name()).version;
  const catalog::ReferenceVersion* last = nullptr;
  for (const catalog::ReferenceVersion& row : rows) {
    if (row.table == table->name() && row.source == kSource) last = &row;
  }
  // A version above the one in force was kept, but a crash came before its switch.
  if (last != nullptr && last->content_hash == table->content_hash() && last->version <= in_force) {
    return *last;
  }
  return switch_to(table, kSource, now_us);
}

Result<catalog::ReferenceVersion> References::switch_to(
    const std::shared_ptr<const ReferenceTable>& table, const std::string& source,
    std::int64_t now_us) {
  MutexLock change_lock(change_mutex_);
  Active before = active(table->name());
  catalog::ReferenceVersion version{.table = table->name(),
                                    .version = before.version,
                                    .content_hash = table->content_hash(),
                                    .source = source,
                                    .loaded_us = now_us,
                                    .rows = table->row_count()};
  if (before.table && before.table->content_hash() == table->content_hash()) return version;
  FRESHET_TRY_STATUS(tables_.check_reference(*table));
  FRESHET_TRY(version, catalog_.add_reference_version(version, table->to_bytes()));
  // Bytes first, then the switch: a control record never names a version that the catalog lacks.
  for (std::uint32_t journal = 0; journal < shards_.size(); ++journal) {
    auto switched = std::make_shared<std::promise<Result<Position>>>();
    shards_[journal]->call([&] {
      shards_[journal]->switch_reference(
          {table->name(), version.version}, table,
          [switched](Result<Position> done) { switched->set_value(std::move(done)); });
    });
    FRESHET_TRY(Position position, switched->get_future().get());
    FRESHET_TRY_STATUS(catalog_.add_reference_activation({journal, version.version, position}));
  }
  set_active(version.version, table);
  return version;
}

}  // namespace freshet::pipeline
