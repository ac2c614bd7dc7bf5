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

class Catalog {
 public:
  // Makes the file where it is missing. kInvalid FRS-13xx for a schema version that this binary
  // does not know, naming both versions; kCorruption where SQLite's own check fails.
  static Result<std::unique_ptr<Catalog>> open(const std::string& path, io::Random& random);
  ~Catalog();

  std::uint64_t data_directory_id() const;  // random, made once
  std::uint64_t id_seed() const;            // of hashed event ids, made once
  std::string iterator_secret() const;      // 32 bytes, made once

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

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::catalog
