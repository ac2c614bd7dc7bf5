#include "catalog/migrations.h"

#include <fmt/format.h>

namespace freshet::catalog {
namespace {

// docs/formats/catalog.md tells what each column holds.
constexpr Migration kMigrations[] = {{1, R"sql(
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
INSERT INTO schema_version VALUES (0);
CREATE TABLE identity (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE streams (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL,
  retention_us INTEGER NOT NULL,
  record_bytes_max INTEGER NOT NULL,
  on_demand INTEGER NOT NULL,
  visible_from INTEGER NOT NULL) STRICT;
CREATE TABLE stream_tags (
  stream_id INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (stream_id, name)) STRICT, WITHOUT ROWID;
CREATE TABLE partitions (
  stream_id INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE,
  id INTEGER NOT NULL,
  hash_first TEXT NOT NULL CHECK (length(hash_first) = 32),
  hash_last TEXT NOT NULL CHECK (length(hash_last) = 32),
  parent INTEGER,
  adjacent_parent INTEGER,
  first_position INTEGER NOT NULL,
  last_position INTEGER,
  created_us INTEGER NOT NULL,
  closed_us INTEGER NOT NULL,
  PRIMARY KEY (stream_id, id)) STRICT, WITHOUT ROWID;
CREATE TABLE reference_versions (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  table_name TEXT NOT NULL,
  content_hash INTEGER NOT NULL,
  source TEXT NOT NULL,
  loaded_us INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  byte_count INTEGER NOT NULL) STRICT;
CREATE TABLE reference_pieces (
  version INTEGER NOT NULL REFERENCES reference_versions(version) ON DELETE CASCADE,
  piece INTEGER NOT NULL,
  compressed BLOB NOT NULL,
  PRIMARY KEY (version, piece)) STRICT;
CREATE TABLE reference_activations (
  journal INTEGER NOT NULL,
  version INTEGER NOT NULL REFERENCES reference_versions(version) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  PRIMARY KEY (journal, version)) STRICT, WITHOUT ROWID;
CREATE TABLE poison (
  record_hash INTEGER PRIMARY KEY,
  attempts INTEGER NOT NULL) STRICT;
)sql"},
                                     {2, R"sql(
CREATE TABLE archive_tables (
  name TEXT PRIMARY KEY,
  table_uuid TEXT NOT NULL,
  location TEXT NOT NULL,
  metadata_url TEXT NOT NULL,
  version INTEGER NOT NULL,
  boundary INTEGER NOT NULL,
  building INTEGER NOT NULL,
  committed_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE archive_files (
  table_name TEXT NOT NULL REFERENCES archive_tables(name) ON DELETE CASCADE,
  name TEXT NOT NULL,
  byte_count INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  checksum TEXT NOT NULL,
  PRIMARY KEY (table_name, name)) STRICT, WITHOUT ROWID;
)sql"},
                                     {3, R"sql(
CREATE TABLE erasures (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL,
  camera_id TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  digests BLOB NOT NULL,
  state TEXT NOT NULL,
  asked_us INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  changed_us INTEGER NOT NULL,
  report TEXT NOT NULL) STRICT;
CREATE TABLE holds (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  camera_id TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  digest BLOB NOT NULL,
  arrived_from_us INTEGER NOT NULL,
  placed_us INTEGER NOT NULL,
  placed_by TEXT NOT NULL,
  lifted_us INTEGER NOT NULL,
  lifted_by TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX holds_in_force ON holds (name) WHERE lifted_us = 0;
)sql"}};

Result<std::int64_t> version_of(Database& database, const std::string& path) {
  FRESHET_TRY(std::int64_t application, database.integer("PRAGMA application_id"));
  FRESHET_TRY(std::int64_t objects, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && objects == 0) return std::int64_t{0};
  if (application != kApplicationId) {
    return Error(Code::kInvalid, kErrorForeignFile,
                 fmt::format("{}: this SQLite file belongs to another program (application id {}); "
                             "give another --data directory",
                             path, application));
  }
  return database.integer("SELECT version FROM schema_version");
}

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

Status migrate(Database& database, const std::string& path) {
  FRESHET_TRY(std::int64_t version, version_of(database, path));
  std::int64_t newest = std::end(kMigrations)[-1].version;
  if (version > newest || version < 0) {
    return Error(Code::kInvalid, kErrorSchemaVersion,
                 fmt::format("{}: the catalog has schema version {}, this binary knows up to {}; "
                             "use the Freshet that wrote it, or a newer one",
                             path, version, newest));
  }
  for (const Migration& step : kMigrations) {
    if (step.version <= version) continue;
    FRESHET_TRY(Transaction transaction, Transaction::begin(database));
    FRESHET_TRY_STATUS(database.execute(step.statements));
    FRESHET_TRY_STATUS(
        database.execute(fmt::format("UPDATE schema_version SET version = {}; "
                                     "PRAGMA application_id = {}",
                                     step.version, kApplicationId)));
    FRESHET_TRY_STATUS(transaction.commit());
  }
  return ok();
}

}  // namespace freshet::catalog
