#include "app/config_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/units.h"

namespace freshet::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kYear = 366 * 24 * kHour;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kMost = INT64_MAX;

// The element of that name, made where it is missing.
template <typename T>
T& named(std::vector<T>& list, const std::string& name) {
  for (T& item : list) {
    if (item.name == name) return item;
  }
  list.emplace_back();
  list.back().name = name;
  return list.back();
}
template <typename T>
const T& named(const std::vector<T>& list, const std::string& name) {
  for (const T& item : list) {
    if (item.name == name) return item;
  }
  static const T kDefaults;
  return kDefaults;
}

KeyConfig& access_key(std::vector<KeyConfig>& list, const std::string& id) {
  for (KeyConfig& key : list) {
    if (key.id == id) return key;
  }
  list.emplace_back();
  list.back().id = id;
  return list.back();
}
const KeyConfig& access_key(const std::vector<KeyConfig>& list, const std::string& id) {
  for (const KeyConfig& key : list) {
    if (key.id == id) return key;
  }
  static const KeyConfig kDefaults;
  return kDefaults;
}

JoinConfig& join(Config& config, const KeyNames& names) {
  auto& joins = named(config.pipelines, names[0]).joins;
  std::size_t index = std::stoul(names[1]);
  if (index >= joins.size()) joins.resize(index + 1);
  return joins[index];
}
std::string text(std::string_view value) {
  return value.empty() ? "" : toml_string(value);
}
std::string bytes(std::uint64_t value) {
  return toml_string(format_bytes(value));
}
std::string duration(std::int64_t us) {
  return toml_string(format_duration_us(us));
}
std::string optional_boolean(const std::optional<bool>& value) {
  return !value ? "" : *value ? "true" : "false";
}
std::string list(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) {
    if (out.size() > 1) out += ", ";
    out += toml_string(value);
  }
  return out + "]";
}

std::string joins(const std::vector<JoinConfig>& values) {
  std::string out = "[";
  for (const JoinConfig& value : values) {
    if (out.size() > 1) out += ", ";
    out += fmt::format("{{ table = {}, on = {}, as = {} }}", toml_string(value.table),
                       toml_string(value.on), toml_string(value.as));
  }
  return out + "]";
}

constexpr std::string_view kLater = "comes with a later version; remove it for now";

constexpr std::string_view kMemoryByItself =
    "comes later; rows leave memory by themselves where limits.memory is short";

const KeySpec kKeys[] = {
    {"data", ValueKind::kPath,
     "The data directory: log, catalog, addresses.json. One server at a time.", "\"freshet-data\"",
     0, kMost, [](KeyTarget at) { at.config.data_directory = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.data_directory); }},
    {"aws_rate_limits", ValueKind::kBoolean,
     "Enforce AWS's rates per shard (1,000 records/s and 1 MB/s in, 5 reads/s) as AWS does.", "", 0,
     kMost, [](KeyTarget at) { at.config.aws_rate_limits = at.value.boolean; },
     [](KeySource at) -> std::string { return at.config.aws_rate_limits ? "true" : "false"; }},

    {"aws.region", ValueKind::kText, "The region that signatures must name.", "", 0, kMost,
     [](KeyTarget at) { at.config.region = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.region); }},

    {"limits.memory", ValueKind::kBytes,
     "One budget for log buffers, dedup, hot rows and queries. When it is full, clients are told "
     "to come again.",
     "half of the machine's memory", 256 * kMiB, kMost,
     [](KeyTarget at) {
       at.config.limits.memory_bytes = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return bytes(at.config.limits.memory_bytes); }},
    {"limits.disk", ValueKind::kBytes,
     "The most that the data directory may take. Warns at 80 %, refuses events at 95 %.",
     "80 % of the room on its file system", 64 * kMiB, kMost,
     [](KeyTarget at) {
       at.config.limits.disk_bytes = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return bytes(at.config.limits.disk_bytes); }},
    {"limits.replay", ValueKind::kCount,
     "The most events that a start reads again from the log, about: the distance of two "
     "checkpoints.",
     "", 1, 1'000'000'000,
     [](KeyTarget at) {
       at.config.limits.replay_records = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return std::to_string(at.config.limits.replay_records); }},
    {"limits.query.memory", ValueKind::kBytes, "Memory of all queries together, inside the budget.",
     "a quarter of limits.memory", 32 * kMiB, kMost,
     [](KeyTarget at) {
       at.config.limits.query_memory_bytes = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return bytes(at.config.limits.query_memory_bytes); }},
    {"limits.query.time", ValueKind::kDuration, "A query that takes longer is ended.", "", 1000,
     24 * kHour, [](KeyTarget at) { at.config.limits.query_time_us = at.value.number; },
     [](KeySource at) -> std::string { return duration(at.config.limits.query_time_us); }},
    {"limits.query.rows", ValueKind::kCount, "The most rows that a query may answer with.", "", 1,
     1'000'000'000,
     [](KeyTarget at) {
       at.config.limits.query_rows_max = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return std::to_string(at.config.limits.query_rows_max); }},
    {"limits.query.at_once", ValueKind::kCount, "Queries that may run at the same time.", "", 1,
     1024,
     [](KeyTarget at) {
       at.config.limits.queries_at_once = static_cast<std::uint32_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return std::to_string(at.config.limits.queries_at_once); }},

    {"listen.aws", ValueKind::kAddress,
     "The door for AWS clients (Kinesis, DynamoDB). Port 0 lets the system choose; the address is "
     "printed and stands in DIR/addresses.json. Left out while another door is named: closed.",
     "\"127.0.0.1:4566\"", 0, kMost, [](KeyTarget at) { at.config.listen.aws = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.listen.aws.value_or("")); }},
    {"listen.http", ValueKind::kAddress,
     "The HTTP API: SQL, ingest, explain, tail, health, metrics. Closed as above.",
     "\"127.0.0.1:8080\"", 0, kMost, [](KeyTarget at) { at.config.listen.http = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.listen.http.value_or("")); }},

    {"streams.*.partitions", ValueKind::kCount, "Partitions (Kinesis: shards) made at the start.",
     "", 1, 10'000,
     [](KeyTarget at) {
       named(at.config.streams, at.names[0]).partitions =
           static_cast<std::uint32_t>(at.value.number);
     },
     [](KeySource at) -> std::string {
       return std::to_string(named(at.config.streams, at.names[0]).partitions);
     }},
    {"streams.*.keep.time", ValueKind::kDuration,
     "How far back the stream can be read again, and how long its rows stay.", "", 60 * kSecond,
     kYear, [](KeyTarget at) { named(at.config.streams, at.names[0]).keep_us = at.value.number; },
     [](KeySource at) -> std::string {
       return duration(named(at.config.streams, at.names[0]).keep_us);
     }},
    {"streams.*.keep.bytes", ValueKind::kBytes,
     "The most that the stream's log may take; the oldest go first. Where they are not archived "
     "yet, puts are refused until they are. 0: no limit of its own.",
     "", 0, kMost,
     [](KeyTarget at) {
       named(at.config.streams, at.names[0]).keep_bytes =
           static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string {
       return bytes(named(at.config.streams, at.names[0]).keep_bytes);
     }},
    {"streams.*.keep.before_archive", ValueKind::kBoolean,
     "true: records and rows leave by keep.time and keep.bytes though the archive does not have "
     "them, and with the stream when it is deleted. What is lost so is logged and counted.",
     "", 0, kMost,
     [](KeyTarget at) { named(at.config.streams, at.names[0]).before_archive = at.value.boolean; },
     [](KeySource at) -> std::string {
       return named(at.config.streams, at.names[0]).before_archive ? "true" : "false";
     }},

    {"reference.*.from", ValueKind::kPath,
     "The file, or an object \"s3://bucket/key\": CSV, JSON, NDJSON or Parquet, told by its "
     "ending. "
     "Must be given.",
     "", 0, kMost,
     [](KeyTarget at) { named(at.config.references, at.names[0]).from = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.references, at.names[0]).from);
     }},
    {"reference.*.key", ValueKind::kText, "Its key column, unique over all rows. Must be given.",
     "", 0, kMost,
     [](KeyTarget at) { named(at.config.references, at.names[0]).key = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.references, at.names[0]).key);
     }},
    {"reference.*.reload", ValueKind::kDuration,
     "How often the file is looked at (an object: its ETag); a changed one is checked whole, then "
     "switched, and a bad one leaves the version in force. 0s: only at the start and by `freshet "
     "ref put`.",
     "", 0, kYear,
     [](KeyTarget at) { named(at.config.references, at.names[0]).reload_us = at.value.number; },
     [](KeySource at) -> std::string {
       return duration(named(at.config.references, at.names[0]).reload_us);
     }},
    {"reference.*.endpoint", ValueKind::kText,
     "The address of the object's S3, where it is not AWS's. Keys come from where AWS's tools "
     "look.",
     "that of [archive], with its region and path_style", 0, kMost,
     [](KeyTarget at) { named(at.config.references, at.names[0]).endpoint = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.references, at.names[0]).endpoint);
     }},
    {"reference.*.region", ValueKind::kText, "The region of the object's bucket.",
     "AWS_REGION, AWS_DEFAULT_REGION, then the profile's", 0, kMost,
     [](KeyTarget at) { named(at.config.references, at.names[0]).region = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.references, at.names[0]).region);
     }},
    {"reference.*.path_style", ValueKind::kBoolean,
     "The bucket's name stands in the path of an address, not in its host.",
     "true with an endpoint", 0, kMost,
     [](KeyTarget at) { named(at.config.references, at.names[0]).path_style = at.value.boolean; },
     [](KeySource at) -> std::string {
       return optional_boolean(named(at.config.references, at.names[0]).path_style);
     }},

    {"pipelines.*.from", ValueKind::kText,
     "The stream it reads; made with one partition where no [streams.NAME] declares it. Must be "
     "given.",
     "", 0, kMost,
     [](KeyTarget at) { named(at.config.pipelines, at.names[0]).from = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.pipelines, at.names[0]).from);
     }},
    {"pipelines.*.into", ValueKind::kText, "The table it fills. Must be given.", "", 0, kMost,
     [](KeyTarget at) { named(at.config.pipelines, at.names[0]).into = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.pipelines, at.names[0]).into);
     }},
    {"pipelines.*.dedup.id", ValueKind::kText, "The field that tells a retry.", "", 0, kMost,
     [](KeyTarget at) { named(at.config.pipelines, at.names[0]).dedup_id = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.pipelines, at.names[0]).dedup_id);
     },
     "", "detection_id"},
    {"pipelines.*.dedup.horizon", ValueKind::kDuration,
     "How long an id is remembered. Not longer than the stream's keep.time.",
     "24h, or the stream's keep.time where that is shorter", 60 * kSecond, kYear,
     [](KeyTarget at) {
       named(at.config.pipelines, at.names[0]).dedup_horizon_us = at.value.number;
     },
     [](KeySource at) -> std::string {
       return duration(named(at.config.pipelines, at.names[0]).dedup_horizon_us);
     }},
    {"pipelines.*.time.column", ValueKind::kText, "The field with the event's time.", "", 0, kMost,
     [](KeyTarget at) { named(at.config.pipelines, at.names[0]).time_column = at.value.text; },
     [](KeySource at) -> std::string {
       return text(named(at.config.pipelines, at.names[0]).time_column);
     },
     "", "event_time"},
    {"pipelines.*.time.ahead_max", ValueKind::kDuration,
     "An event whose time is further in the future goes to NAME$dead.", "", 0, kYear,
     [](KeyTarget at) { named(at.config.pipelines, at.names[0]).ahead_max_us = at.value.number; },
     [](KeySource at) -> std::string {
       return duration(named(at.config.pipelines, at.names[0]).ahead_max_us);
     }},
    {"pipelines.*.join", ValueKind::kSections, "Reference tables to join, in order.", "[]", 0,
     kMost, nullptr,
     [](KeySource at) -> std::string {
       return joins(named(at.config.pipelines, at.names[0]).joins);
     }},
    {"pipelines.*.join.#.table", ValueKind::kText, "A [reference.NAME]. Must be given.", "", 0,
     kMost, [](KeyTarget at) { join(at.config, at.names).table = at.value.text; }},
    {"pipelines.*.join.#.on", ValueKind::kText,
     "The event's column that holds the reference's key. Must be given.", "", 0, kMost,
     [](KeyTarget at) { join(at.config, at.names).on = at.value.text; }},
    {"pipelines.*.join.#.as", ValueKind::kText,
     "The prefix of the joined columns in SQL: cam.heading_deg.", "the name of the reference", 0,
     kMost, [](KeyTarget at) { join(at.config, at.names).as = at.value.text; }},
    {"pipelines.*.join.#.mode", ValueKind::kText,
     "\"stamp\": the joined columns are written into the row, with the reference's version.",
     "\"stamp\"", 0, kMost, [](KeyTarget at) { join(at.config, at.names); }, nullptr, "", "stamp"},
    {"pipelines.*.sql", ValueKind::kText,
     "One SELECT … FROM batch, whose answer for a row depends on that row alone. Left out: every "
     "column of the event and the usual ones of the joins.",
     "", 0, kMost,
     [](KeyTarget at) {
       named(at.config.pipelines, at.names[0]).sql = at.value.text;
       named(at.config.pipelines, at.names[0]).sql_where = at.value.where;
     },
     [](KeySource at) -> std::string { return text(named(at.config.pipelines, at.names[0]).sql); }},

    {"tables.*.keys", ValueKind::kTextList,
     "Columns by which rows are found fast: one DynamoDB index by_NAME each, \"latest N\" in SQL.",
     "", 0, kMost, [](KeyTarget at) { named(at.config.tables, at.names[0]).keys = at.value.list; },
     [](KeySource at) -> std::string { return list(named(at.config.tables, at.names[0]).keys); }},
    {"tables.*.keep.hot", ValueKind::kDuration,
     "Where rows are archived: how long they can still be read by key. SQL reads them from the "
     "files afterwards. Not longer than the stream's keep.time.",
     "the stream's keep.time", 60 * kSecond, kYear,
     [](KeyTarget at) { named(at.config.tables, at.names[0]).keep_hot_us = at.value.number; },
     [](KeySource at) -> std::string {
       std::int64_t us = named(at.config.tables, at.names[0]).keep_hot_us;
       return us == 0 ? "" : duration(us);
     }},
    {"tables.*.keep.archive", ValueKind::kDuration,
     "How long rows stay in the archive since they arrived, and those of $dead and $dupes; they "
     "leave with the first UTC midnight after that. Not shorter than the stream's keep.time.",
     "for ever", 24 * kHour, 100 * kYear,
     [](KeyTarget at) { named(at.config.tables, at.names[0]).keep_archive_us = at.value.number; },
     [](KeySource at) -> std::string {
       std::int64_t us = named(at.config.tables, at.names[0]).keep_archive_us;
       return us == 0 ? "" : duration(us);
     }},
    {"tables.*.classes.*.archive", ValueKind::kDuration,
     "The same for the rows whose column retention_class has this name: "
     "classes.plates = { archive = \"21d\" }.",
     "keep.archive", 24 * kHour, 100 * kYear,
     [](KeyTarget at) {
       named(named(at.config.tables, at.names[0]).classes, at.names[1]).archive_us =
           at.value.number;
     },
     [](KeySource at) -> std::string {
       return duration(named(named(at.config.tables, at.names[0]).classes, at.names[1]).archive_us);
     }},

    {"archive.url", ValueKind::kText,
     "Where rows are archived, as Iceberg tables of Parquet files: \"file:archive\" (below the "
     "data directory), \"file:///mnt/archive\" or \"s3://bucket/prefix\". Of one data directory "
     "alone. Left out: rows stay as long as streams.NAME.keep says.",
     "no archive", 0, kMost, [](KeyTarget at) { at.config.archive.url = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.archive.url); }},
    {"archive.commit_every", ValueKind::kDuration,
     "How often rows become files, which other programs see from then on.", "", kSecond, 24 * kHour,
     [](KeyTarget at) { at.config.archive.commit_every_us = at.value.number; },
     [](KeySource at) -> std::string { return duration(at.config.archive.commit_every_us); }},
    {"archive.commit_rows", ValueKind::kCount,
     "So many rows of a table are committed before archive.commit_every is over.", "2000000", 1'000,
     1'000'000'000,
     [](KeyTarget at) {
       at.config.archive.commit_rows = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return std::to_string(at.config.archive.commit_rows); }},
    {"archive.compact", ValueKind::kBoolean,
     "Small files are merged into large ones in the background.", "", 0, kMost,
     [](KeyTarget at) { at.config.archive.compact = at.value.boolean; },
     [](KeySource at) -> std::string { return at.config.archive.compact ? "true" : "false"; }},
    {"archive.keep_snapshots", ValueKind::kDuration,
     "How long other programs can read the tables as they were at a past commit.", "", 60 * kSecond,
     kYear, [](KeyTarget at) { at.config.archive.keep_snapshots_us = at.value.number; },
     [](KeySource at) -> std::string { return duration(at.config.archive.keep_snapshots_us); }},
    {"archive.endpoint", ValueKind::kText,
     "The address of an S3 that is not AWS's: \"http://127.0.0.1:9000\". Keys come from "
     "AWS_ACCESS_KEY_ID and the other places where AWS's tools look.",
     "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, then AWS", 0, kMost,
     [](KeyTarget at) { at.config.archive.endpoint = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.archive.endpoint); }},
    {"archive.region", ValueKind::kText, "The bucket's region.",
     "AWS_REGION, AWS_DEFAULT_REGION, then the profile's", 0, kMost,
     [](KeyTarget at) { at.config.archive.region = at.value.text; },
     [](KeySource at) -> std::string { return text(at.config.archive.region); }},
    {"archive.path_style", ValueKind::kBoolean,
     "The bucket's name stands in the path of an address, not in its host.",
     "true with an endpoint", 0, kMost,
     [](KeyTarget at) { at.config.archive.path_style = at.value.boolean; },
     [](KeySource at) -> std::string { return optional_boolean(at.config.archive.path_style); }},
    {"archive.copies", ValueKind::kBytes, "Room for copies of files that queries fetched from S3.",
     "", 64 * kMiB, kMost,
     [](KeyTarget at) {
       at.config.archive.copies_bytes = static_cast<std::uint64_t>(at.value.number);
     },
     [](KeySource at) -> std::string { return bytes(at.config.archive.copies_bytes); }},

    {"auth.keys.*.secret_file", ValueKind::kPath,
     "The file with the secret in its first line, readable by its owner alone. The section's name "
     "is the access key id. Must be given.",
     "", 0, kMost,
     [](KeyTarget at) { access_key(at.config.keys, at.names[0]).secret_file = at.value.text; },
     [](KeySource at) -> std::string {
       return text(access_key(at.config.keys, at.names[0]).secret_file);
     }},
    {"auth.keys.*.allow", ValueKind::kTextList,
     "What the key may do: \"kinesis:PutRecords stream/detections\", \"sql:read table/*\"; * "
     "matches any run of characters.",
     "", 0, kMost,
     [](KeyTarget at) { access_key(at.config.keys, at.names[0]).allow = at.value.list; },
     [](KeySource at) -> std::string {
       return list(access_key(at.config.keys, at.names[0]).allow);
     }},

    {.pattern = "profile", .not_offered = "comes later; set limits.memory and limits.disk"},
    {.pattern = "workspace", .not_offered = kLater},
    {.pattern = "listen.postgres", .not_offered = "comes later; use listen.http and POST /v1/sql"},
    {.pattern = "listen.tls", .not_offered = "comes later; put a TLS proxy in front"},
    {.pattern = "pipelines.*.time.late_after", .not_offered = kLater},
    {.pattern = "pipelines.*.mode", .not_offered = "comes later; every pipeline appends"},
    {.pattern = "pipelines.*.collapse", .not_offered = kLater},
    {.pattern = "tables.*.archive", .not_offered = kLater},
    {.pattern = "tables.*.keep.memory", .not_offered = kMemoryByItself},
    {.pattern = "tables.*.keep.local", .not_offered = kLater},
    {.pattern = "tables.*.keep.media", .not_offered = kLater},
    {.pattern = "tables.*.classes.*.media", .not_offered = kLater},
    {.pattern = "tables.*.classes.*.max", .not_offered = kLater},
    {.pattern = "views", .not_offered = kLater},
    {.pattern = "connectors", .not_offered = kLater},
    {.pattern = "auth.keys.*.rows", .not_offered = kLater},
    {.pattern = "auth.users", .not_offered = kLater},
    {.pattern = "auth.roles", .not_offered = kLater},
};

}  // namespace

std::span<const KeySpec> known_keys() {
  return kKeys;
}

std::string_view value_kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::kText:
      return "text";
    case ValueKind::kPath:
      return "path";
    case ValueKind::kAddress:
      return "address";
    case ValueKind::kBytes:
      return "size";
    case ValueKind::kDuration:
      return "duration";
    case ValueKind::kCount:
      return "count";
    case ValueKind::kBoolean:
      return "boolean";
    case ValueKind::kTextList:
      return "list of texts";
    case ValueKind::kSections:
      return "list of tables";
  }
  return "value";
}

void declare_section(Config& config, const KeyPath& path) {
  if (path.size() == 2 && path[0] == "streams") named(config.streams, path[1]);
  if (path.size() == 2 && path[0] == "reference") named(config.references, path[1]);
  if (path.size() == 2 && path[0] == "pipelines") named(config.pipelines, path[1]);
  if (path.size() == 2 && path[0] == "tables") named(config.tables, path[1]);
  if (path.size() == 4 && path[0] == "tables" && path[2] == "classes")
    named(named(config.tables, path[1]).classes, path[3]);
  if (path.size() == 3 && path[0] == "auth" && path[1] == "keys") {
    access_key(config.keys, path[2]);
  }
  if (path.size() == 4 && path[0] == "pipelines" && path[2] == "join") {
    join(config, {path[1], path[3]});
  }
}

std::vector<KeyNames> names_of(const KeySpec& spec, const Config& config) {
  std::vector<KeyNames> all;
  auto each = [&](const auto& items) {
    for (const auto& item : items) all.push_back({item.name});
  };
  std::string_view first = spec.pattern.substr(0, spec.pattern.find('.'));
  if (spec.pattern.find('*') == std::string_view::npos) {
    all.push_back({});
  } else if (first == "streams") {
    each(config.streams);
  } else if (first == "reference") {
    each(config.references);
  } else if (spec.pattern.find(".classes.") != std::string_view::npos) {
    for (const TableConfig& table : config.tables) {
      for (const RetentionClassConfig& one : table.classes) all.push_back({table.name, one.name});
    }
  } else if (first == "tables") {
    each(config.tables);
  } else if (first == "auth") {
    for (const KeyConfig& key : config.keys) all.push_back({key.id});
  } else {
    each(config.pipelines);
  }
  return all;
}

}  // namespace freshet::app
