// The catalog: streams, partitions, reference versions, quarantine, secrets. One SQLite file,
// DIR/catalog.sqlite (synchronous FULL), with a schema version. Every call that changes something
// is durable when it returns. Thread-safe (one lock); never call it on a net thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/position.h"
#include "io/random.h"

namespace freshet::catalog {

struct PartitionRow {
  PartitionId id = 0;
  HashKey hash_first = 0, hash_last = kHashKeyMax;
  std::optional<PartitionId> parent, adjacent_parent;
  Position first;
  std::optional<Position> last;  // closed
  std::int64_t created_us = 0, closed_us = 0;
};

struct StreamRow {
  StreamId id = 0;
  std::string name;
  std::int64_t created_us = 0;
  std::int64_t retention_us = 0;
  std::uint64_t record_bytes_max = 1u << 20;
  bool on_demand = false;
  std::map<std::string, std::string> tags;
  std::vector<PartitionRow> partitions;
  Position visible_from;  // records below it are past retention: no reader and no table shows them
};

struct ReferenceVersion {
  std::string table;
  std::uint32_t version = 0;  // rises over all tables; 1 is the first
  std::uint64_t content_hash = 0;
  std::string source;  // where it was read from, for people
  std::int64_t loaded_us = 0;
  std::uint64_t rows = 0;
};

struct ReferenceActivation {
  std::uint32_t journal = 0;
  std::uint32_t version = 0;
  Position position;
};

// An event whose processing ended the process. `record_hash` is XXH3-64 of its bytes, since a
// record that was never durable has another position the next time.
struct PoisonRow {
  std::uint64_t record_hash = 0;
  std::uint32_t attempts = 0;
};

// An archived table: which metadata file is in force, and how far the log is in its files.
struct ArchiveTableRow {
  std::string name;          // "detections$dead"
  std::string table_uuid;    // of the Iceberg table
  std::string location;      // URL of its folder
  std::string metadata_url;  // of the metadata file in force
  std::int64_t version = 0;  // rises by one with each commit
  Position boundary;         // every row up to it is in the files
  Position building;         // what the append that was begun last ends at
  std::int64_t committed_us = 0;
};

// A file that some kept snapshot of an archived table holds.
struct ArchiveFileRow {
  std::string name;  // in the object store
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  std::string checksum;  // XXH3-128 of its bytes, 32 hexadecimal digits
};

struct ArchiveCommit {
  std::string table;
  // What it was built on.
  std::int64_t expected_version = 0;
  Position expected_boundary;
  std::string metadata_url;
  Position boundary;
  std::int64_t committed_us = 0;
  std::vector<ArchiveFileRow> added;
};

// What is to be erased, or was. No id stands here: an erasure by id keeps its digest alone.
struct ErasureRow {
  std::int64_t number = 0;
  std::string label;      // what people and --confirm call it
  std::string camera_id;  // "" where it is by id
  std::int64_t from_us = 0, to_us = 0;
  std::string digests;  // of the ids, 16 bytes each, one behind the other
  // "asked", "collected", "archive" (the log is done), "done"; "refused" by a hold.
  std::string state;
  std::int64_t asked_us = 0;
  std::string asked_by;
  std::int64_t changed_us = 0;
  std::string report;  // JSON
};

// What may not expire or be erased. Rows of lifted holds stay, for whoever asks later.
struct HoldRow {
  std::int64_t number = 0;
  std::string name;
  std::string camera_id;
  std::int64_t from_us = 0, to_us = 0;
  std::string digest;                // of the id it is about; "": everything of the camera's
  std::int64_t arrived_from_us = 0;  // nothing that it covers came earlier
  std::int64_t placed_us = 0;
  std::string placed_by;
  std::int64_t lifted_us = 0;  // 0: in force
  std::string lifted_by;
};

class Catalog {
 public:
  // Makes the file where it is missing. kInvalid FRS-13xx for a schema version that this binary
  // does not know, naming both versions; kCorruption where SQLite's own check fails.
  static Result<std::unique_ptr<Catalog>> open(const std::string& path, io::Random& random);
  ~Catalog();

  std::uint64_t data_directory_id() const;  // random, made once
  std::uint64_t id_seed() const;            // of hashed event ids, made once
  std::string iterator_secret() const;      // 32 bytes, made once
  std::string erasure_key() const;          // 16 bytes, of the digests of erased ids, made once

  Result<std::vector<StreamRow>> streams();
  Result<StreamId> add_stream(const StreamRow& row);  // row.id is ignored; ids are never reused
  Status remove_stream(StreamId id);
  // Replaces everything about the stream but its id and name, partitions included, in one
  // transaction.
  Status update_stream(const StreamRow& row);

  // Keeps the bytes (zstd, in pieces of at most 16 MiB) and gives the version's number. Not active
  // before the log says so.
  Result<ReferenceVersion> add_reference_version(const ReferenceVersion& version,
                                                 std::string_view bytes);
  Result<std::vector<ReferenceVersion>> reference_versions();
  Result<std::string> reference_bytes(std::uint32_t version);
  // Where a journal switched to a version. The log's control record decides; this remembers it for
  // the time when the log has let that record go. Repeating it changes nothing.
  Status add_reference_activation(const ReferenceActivation& activation);
  Result<std::vector<ReferenceActivation>> reference_activations(
      std::uint32_t journal);  // by position

  Result<std::vector<PoisonRow>> poison();
  Result<std::uint32_t> add_poison_attempt(
      std::uint64_t record_hash);  // attempts so far, this one included

  Result<std::vector<ArchiveTableRow>> archive_tables();  // by name
  Status add_archive_table(const ArchiveTableRow& row);
  // Remembers where an append will end before its first file is made, so that after a crash it is
  // made again with the same names.
  Status begin_archive_append(const std::string& table, Position building);
  // The compare-and-swap that makes a commit: all of it, or kExists FRS-1356 where the table is not
  // at the expected version and boundary any more.
  Status commit_archive(const ArchiveCommit& commit);
  // Where nothing was ever committed to it; else, and where there is none, nothing happens.
  Status remove_unfinished_archive_table(const std::string& table);
  Result<std::vector<ArchiveFileRow>> archive_files(const std::string& table);
  // Of files that no kept snapshot holds any more.
  Status remove_archive_files(const std::string& table, const std::vector<std::string>& names);

  Result<std::vector<ErasureRow>> erasures();               // by number
  Result<std::int64_t> add_erasure(const ErasureRow& row);  // row.number is ignored
  Status update_erasure(const ErasureRow& row);             // digests, state, time and report
  Result<std::vector<HoldRow>> holds();                     // by number
  Result<std::int64_t> add_hold(const HoldRow& row);        // kExists FRS-1357: the name is in use
  // kNotFound FRS-1358 where no hold of that name is in force.
  Status lift_hold(const std::string& name, std::int64_t now_us, const std::string& by);

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::catalog
