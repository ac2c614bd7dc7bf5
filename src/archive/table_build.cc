#include "archive/table_build.h"

#include "archive/table_columns.h"
#include "common/logging.h"
#include "pipeline/stream_tables.h"

namespace freshet::archive {

TableBuild::TableBuild(const TableParts& parts, std::string name,
                       std::unique_ptr<sql::ParquetWriter> writer)
    : parts_(parts), name_(std::move(name)), writer_(std::move(writer)) {}

Result<std::unique_ptr<TableBuild>> TableBuild::open(const TableParts& parts,
                                                     const pipeline::TableInfo& info,
                                                     const std::string& source,
                                                     std::uint64_t memory_bytes) {
  FRESHET_TRY(auto writer, sql::ParquetWriter::open({.memory_bytes = memory_bytes}));
  TableParts own{parts.store,  parts.catalog, parts.disk,  parts.clock,
                 parts.random, *writer,       parts.files, parts.work_folder};
  FRESHET_TRY_STATUS(parts.disk.make_directory(parts.work_folder));
  FRESHET_TRY(auto leftovers, parts.disk.list(parts.work_folder));
  for (const std::string& file : leftovers)
    FRESHET_TRY_STATUS(remove_if_there(parts.disk, parts.work_folder + "/" + file));
  auto build = std::unique_ptr<TableBuild>(new TableBuild(own, info.name, std::move(writer)));
  FRESHET_TRY(build->table_,
              Table::open(build->parts_, info, std::nullopt, {{std::string(kFilledLike), source}}));
  return build;
}

TableBuild::~TableBuild() {
  if (committed_) return;
  table_.reset();
  Status removed = remove_unfinished(parts_.store, parts_.catalog, name_);
  if (removed) return;
  log_warning("an unfinished table is removed at the next start",
              {{"table", name_}, {"error", removed.error().to_string()}});
}

Status TableBuild::append(const hot::Snapshot& rows, Position first, Position last) {
  last_ = last;
  if (rows.row_count() == 0) return ok();
  FRESHET_TRY(auto files, table_->write_files(rows, rows.end(), first, last));
  for (NewFile& file : files) files_.push_back(std::move(file));
  const hot::ChunkView& newest = rows.chunks().back();
  std::size_t column = *rows.schema().find("ref_version");
  ref_version_ = newest.values_as<std::uint32_t>(column)[newest.row_count() - 1];
  return ok();
}

Status TableBuild::commit() {
  Change change;
  change.added = std::move(files_);
  // Without a row too: it says that the table is whole.
  change.boundary = std::max(last_, Position{1});
  change.ref_version = ref_version_;
  FRESHET_TRY_STATUS(table_->commit(change));
  committed_ = true;
  return ok();
}

pipeline::TableInfo filled_table_info(const TableState& state) {
  pipeline::TableInfo info;
  info.name = state.row.name;
  // A cut of its own, since its rows are not those of any stream's table.
  info.stream = "replay/" + state.row.name;
  info.schema = with_archived_columns(Schema(), state.metadata.current_schema());
  info.time_column = info.schema.find("event_time");
  info.id_column = info.schema.find("detection_id");
  return info;
}

Status remove_unfinished(object_store::ObjectStore& store, catalog::Catalog& catalog,
                         const std::string& name) {
  FRESHET_TRY(auto objects, store.list(iceberg_name_of(name) + "/"));
  for (const object_store::ObjectInfo& object : objects)
    FRESHET_TRY_STATUS(store.remove(object.name));
  return catalog.remove_unfinished_archive_table(name);
}

}  // namespace freshet::archive
