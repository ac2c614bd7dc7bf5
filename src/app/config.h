// The server's configuration: one TOML file, then conf.d/*.toml, then environment, then flags.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::app {

struct LimitsConfig {
  std::uint64_t memory_bytes = 0;            // default: half of the machine's
  std::uint64_t disk_bytes = 0;              // default: 80 % of what is free at the first start
  std::uint64_t replay_records = 3'000'000;  // between two checkpoints
  std::uint64_t query_memory_bytes = 0;      // default: a quarter of memory
  std::int64_t query_time_us = 60'000'000;
  std::uint64_t query_rows_max = 1'000'000;
  std::uint32_t queries_at_once = 8;
};

struct ListenConfig {
  std::optional<std::string> aws;   // "127.0.0.1:4566"; port 0 lets the system choose
  std::optional<std::string> http;  // "127.0.0.1:8080"
};

struct StreamConfig {
  std::string name;
  std::uint32_t partitions = 1;
  std::int64_t keep_us = 24ll * 3'600'000'000;
  std::uint64_t keep_bytes = 0;  // 0: no limit of its own
  bool before_archive = false;   // records may go that are not archived yet
};

struct ReferenceConfig {
  std::string name;
  std::string from;  // "s3://…", or a path, made absolute against the file that names it
  std::string key;
  std::int64_t reload_us = 0;  // 0: only at start and by `freshet ref put`
  std::string endpoint;        // of the S3; without one, all three are those of [archive]
  std::string region;
  std::optional<bool> path_style;
};

struct JoinConfig {
  std::string table;  // a reference
  std::string on;     // column of the event
  std::string as;     // prefix of the joined columns in SQL
};

struct PipelineConfig {
  std::string name;
  std::string from;  // stream
  std::string into;  // table
  std::string dedup_id = "detection_id";
  std::int64_t dedup_horizon_us = 24ll * 3'600'000'000;
  std::string time_column = "event_time";
  std::int64_t ahead_max_us = 24ll * 3'600'000'000;
  std::vector<JoinConfig> joins;
  std::string sql;        // "": every column of the event and of the joins' usual columns
  std::string sql_where;  // "freshet.toml:34": where the text stands, for messages
};

struct RetentionClassConfig {
  std::string name;
  std::int64_t archive_us = 0;
};

struct TableConfig {
  std::string name;
  std::vector<std::string> keys{"camera_id", "location_id"};
  std::int64_t keep_hot_us = 0;      // 0: as long as the stream's records
  std::int64_t keep_archive_us = 0;  // 0: for ever
  std::vector<RetentionClassConfig> classes;
};

// Where rows are archived, and how.
struct ArchiveConfig {
  std::string url;  // "": nowhere
  std::int64_t commit_every_us = 60'000'000;
  std::uint64_t commit_rows = 2'000'000;
  std::string endpoint;  // of an S3 that is not AWS's
  std::string region;    // "": as AWS's tools find it
  std::optional<bool> path_style;
  std::uint64_t copies_bytes = 10ull << 30;
  bool compact = true;
  std::int64_t keep_snapshots_us = 6ll * 3'600'000'000;
};

struct KeyConfig {
  std::string id;           // access key id: the name in [auth.keys.NAME]
  std::string secret_file;  // path, made absolute against the file that names it
  std::string secret;       // its first line; never shown
  std::vector<std::string> allow;
};

struct Config {
  std::string data_directory;
  LimitsConfig limits;
  ListenConfig listen;
  std::vector<StreamConfig> streams;
  std::vector<ReferenceConfig> references;
  std::vector<PipelineConfig> pipelines;
  std::vector<TableConfig> tables;
  ArchiveConfig archive;
  std::vector<KeyConfig> keys;
  std::string region = "us-east-1";  // aws.region: what signatures must name
  bool aws_rate_limits = false;
};

// A value and where it came from, for `config show --origin`.
struct Setting {
  std::string key;     // "limits.memory"
  std::string value;   // as TOML
  std::string origin;  // "freshet.toml:3", "FRESHET_LIMITS__MEMORY", "flag --data", "default"
};

struct LoadedConfig {
  Config config;
  std::vector<Setting> settings;
  std::vector<std::string> warnings;  // not wrong, but worth a word: "freshet.toml:9: …"
};

struct ConfigSources {
  std::string file;  // "" : built-in defaults alone
  std::vector<std::pair<std::string, std::string>>
      flags;  // key and value, e.g. {"listen.aws", "127.0.0.1:0"}
  std::vector<std::pair<std::string, std::string>> environment;  // FRESHET_… alone
};

// Every error names file, line, what is wrong and what to write (FRS-11xx). An unknown key names
// the nearest.
Result<LoadedConfig> load_config(const ConfigSources& sources);

}  // namespace freshet::app
