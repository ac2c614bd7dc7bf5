// An archived table at one commit: its metadata, and which files it has. Never changes: a query
// that holds one sees the same rows as long as it lives.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/archive_service.h"
#include "archive/iceberg/manifest.h"
#include "archive/iceberg/table_metadata.h"
#include "archive/local_files.h"
#include "catalog/catalog.h"
#include "common/result.h"
#include "object_store/object_store.h"
#include "sql/archive_table.h"

namespace freshet::archive {

// A manifest of the current snapshot, with what is in it.
struct HeldManifest {
  iceberg::ManifestFile listed;
  std::shared_ptr<const iceberg::Manifest> manifest;  // sequence numbers filled in
};

struct TableState {
  catalog::ArchiveTableRow row;  // what is in force
  iceberg::TableMetadata metadata;
  std::vector<HeldManifest> manifests;
  std::map<std::string, catalog::ArchiveFileRow> files;  // by name in the store; kept snapshots'

  // Of the current snapshot.
  std::vector<iceberg::DataFile> live_files() const;
};

// Reads what the catalog's row names. Errors name the file; kCorruption FRS-3832 where the archive
// lies in another place than `store`.
Result<std::shared_ptr<const TableState>> load_table_state(object_store::ObjectStore& store,
                                                           catalog::Catalog& catalog,
                                                           const catalog::ArchiveTableRow& row);

// The name in the store of a URL that the table's metadata holds. FRS-3832.
Result<std::string> name_in_store(const object_store::ObjectStore& store, const std::string& url);

// Where a data file of the table lies on this machine, fetched where it is far, unless
// `only_copies` says not to.
Result<sql::ArchiveFile> local_file_of(const TableState& state, const iceberg::DataFile& file,
                                       LocalFiles& files, const object_store::ObjectStore& store,
                                       bool only_copies = false);

// Of a snapshot, what stands in its manifests.
Result<std::vector<HeldManifest>> load_manifests(object_store::ObjectStore& store,
                                                 const iceberg::Snapshot& snapshot);

// The files that a query has to open, where they lie, and why not the others.
Result<sql::ArchivePlan> plan_files(const TableState& state,
                                    const sql::ScanConstraints& constraints,
                                    sql::OnMissing on_missing, LocalFiles& files,
                                    const object_store::ObjectStore& store);

// What a query reads of it: files are chosen by the manifests, and fetched where they are far.
std::shared_ptr<const sql::ArchiveTable> archive_table_of(std::shared_ptr<const TableState> state,
                                                          std::vector<sql::ParquetColumn> columns,
                                                          std::shared_ptr<LocalFiles> files,
                                                          const object_store::ObjectStore& store);

// A file of the table, read back from the store: size, checksum and rows as they were recorded.
// kNotFound FRS-3703, kCorruption FRS-3833.
Status verify_file(object_store::ObjectStore& store, const TableState& state,
                   const iceberg::DataFile& file);

ArchivedTable description_of(const TableState& state);

// "detections_dead" of "detections$dead".
std::string iceberg_name_of(std::string_view table);

}  // namespace freshet::archive
