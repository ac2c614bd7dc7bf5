#include "app/config_check.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "app/address.h"
#include "app/config_entry.h"
#include "app/machine.h"
#include "app/memory_plan.h"
#include "app/reference_source.h"
#include "common/units.h"

namespace freshet::app {
namespace {

constexpr std::size_t kKeyColumnsMax = 8;

bool is_made_of(std::string_view text, std::string_view further) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           further.find(c) != std::string_view::npos;
  });
}

// As Kinesis has them.
bool is_stream_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && is_made_of(name, "_.-");
}
// As DynamoDB has them; '$' is ours, for $dead, $dupes, $ledger.
bool is_table_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 && is_made_of(name, "_.-");
}
// Stands in SQL as it is.
bool is_identifier(std::string_view name) {
  return !name.empty() && name.size() <= 64 && is_made_of(name, "_") &&
         !(name[0] >= '0' && name[0] <= '9');
}

class Checker {
 public:
  Checker(Config& config, const ConfigOrigins& origins, std::vector<std::string>& warnings)
      : config_(config), origins_(origins), warnings_(warnings) {}

  Status run() {
    FRESHET_TRY_STATUS(check_limits());
    FRESHET_TRY_STATUS(check_listen());
    FRESHET_TRY_STATUS(check_streams());
    FRESHET_TRY_STATUS(check_references());
    FRESHET_TRY_STATUS(check_pipelines());
    FRESHET_TRY_STATUS(check_tables());
    FRESHET_TRY_STATUS(check_archive());
    return check_access();
  }

 private:
  Error error(int number, const KeyPath& path, std::string_view what) const {
    std::string key = key_text(path);
    Code code = number == kErrorConfigNotOffered ? Code::kUnsupported : Code::kInvalid;
    return {code, number, fmt::format("{}: {}: {}", origins_.where(key), key, what)};
  }
  void warn(const KeyPath& path, std::string_view what) {
    std::string key = key_text(path);
    warnings_.push_back(fmt::format("{}: {}: {}", origins_.where(key), key, what));
  }
  Status must_have(const std::string& value, const KeyPath& section, const char* key,
                   std::string_view example) const {
    if (!value.empty()) return ok();
    return Error(
        Code::kInvalid, kErrorConfigMissing,
        fmt::format("{}: [{}] lacks \"{}\"; write for example {} = \"{}\"",
                    origins_.where(key_text(section)), key_text(section), key, key, example));
  }
  bool has_reference(const std::string& name) const {
    return std::any_of(config_.references.begin(), config_.references.end(),
                       [&](const ReferenceConfig& reference) { return reference.name == name; });
  }

  Status check_limits() const {
    const LimitsConfig& limits = config_.limits;
    if (limits.query_memory_bytes <= limits.memory_bytes) return ok();
    return error(
        kErrorConfigConflict, {"limits", "query", "memory"},
        fmt::format("{} is more than limits.memory, {}", format_bytes(limits.query_memory_bytes),
                    format_bytes(limits.memory_bytes)));
  }

  Status check_listen() const {
    FRESHET_TRY_STATUS(check_door("aws", config_.listen.aws));
    FRESHET_TRY_STATUS(check_door("http", config_.listen.http));
    if (config_.listen.aws && config_.listen.aws == config_.listen.http &&
        parse_address(*config_.listen.aws)->port != 0) {
      return error(kErrorConfigConflict, {"listen", "http"},
                   "listen.aws has this address already; take another port");
    }
    return ok();
  }

  Status check_door(const char* door, const std::optional<std::string>& text) const {
    if (!text) return ok();
    KeyPath path{"listen", door};
    auto address = parse_address(*text);
    if (!address) {
      return error(kErrorConfigValue, path,
                   fmt::format("\"{}\" is not an address; write \"127.0.0.1:4566\", \"[::1]:4566\" "
                               "or port 0",
                               *text));
    }
    if (is_loopback(address->host)) return ok();
    if (config_.keys.empty()) {
      return error(kErrorConfigAccess, path,
                   fmt::format("{} is open to other machines, but no [auth.keys.NAME] is there; "
                               "add one, or listen on 127.0.0.1",
                               *text));
    }
    return ok();
  }

  Status check_streams() const {
    for (const StreamConfig& stream : config_.streams) {
      if (is_stream_name(stream.name)) continue;
      return error(kErrorConfigValue, {"streams", stream.name},
                   "a stream's name has 1..128 letters, digits, _ . or -");
    }
    return ok();
  }

  Status check_references() {
    for (const ReferenceConfig& reference : config_.references) {
      KeyPath section{"reference", reference.name};
      if (!is_identifier(reference.name)) {
        return error(kErrorConfigValue, section,
                     "a reference's name has letters, digits and _, and starts with no digit");
      }
      FRESHET_TRY_STATUS(must_have(reference.from, section, "from", "reference/cameras.csv"));
      FRESHET_TRY_STATUS(must_have(reference.key, section, "key", "camera_id"));
      KeyPath from{"reference", reference.name, "from"};
      if (is_s3_url(reference.from)) {
        FRESHET_TRY_STATUS(check_object(reference));
        continue;
      }
      if (reference.from.find("://") != std::string::npos) {
        return error(kErrorConfigNotOffered, from,
                     fmt::format("\"{}\" is not offered by this version; give the path of a file, "
                                 "or \"s3://BUCKET/KEY\"",
                                 reference.from));
      }
      std::error_code failed;
      if (!std::filesystem::exists(reference.from, failed)) {
        warn(from, fmt::format("{} does not exist", reference.from));
      }
    }
    return ok();
  }

  Status check_object(const ReferenceConfig& reference) const {
    std::size_t slash = reference.from.find('/', std::string_view("s3://").size());
    if (slash != std::string::npos && slash + 1 < reference.from.size()) return ok();
    return error(kErrorConfigValue, {"reference", reference.name, "from"},
                 fmt::format("\"{}\" names no object; write \"s3://BUCKET/KEY\"", reference.from));
  }

  Status check_pipelines() const {
    std::set<std::string> tables;
    for (const PipelineConfig& pipeline : config_.pipelines) {
      KeyPath section{"pipelines", pipeline.name};
      FRESHET_TRY_STATUS(must_have(pipeline.from, section, "from", "detections"));
      FRESHET_TRY_STATUS(must_have(pipeline.into, section, "into", "detections"));
      auto within = [&](const char* key) { return KeyPath{"pipelines", pipeline.name, key}; };
      if (!is_stream_name(pipeline.from)) {
        return error(kErrorConfigValue, within("from"),
                     "a stream's name has 1..128 letters, digits, _ . or -");
      }
      if (!is_table_name(pipeline.into)) {
        return error(kErrorConfigValue, within("into"),
                     "a table's name has 3..255 letters, digits, _ . or -");
      }
      if (!tables.insert(pipeline.into).second) {
        return error(kErrorConfigConflict, within("into"),
                     fmt::format("another pipeline fills \"{}\" already", pipeline.into));
      }
      FRESHET_TRY_STATUS(check_horizon(pipeline));
      FRESHET_TRY_STATUS(check_joins(pipeline));
    }
    return ok();
  }

  Status check_horizon(const PipelineConfig& pipeline) const {
    for (const StreamConfig& stream : config_.streams) {
      if (stream.name != pipeline.from || pipeline.dedup_horizon_us <= stream.keep_us) continue;
      return error(
          kErrorConfigConflict, {"pipelines", pipeline.name, "dedup", "horizon"},
          fmt::format("{} reaches further back than streams.{}.keep.time, {}: a repeated event is "
                      "compared with the record that the stream keeps; lower the one or raise the "
                      "other",
                      format_duration_us(pipeline.dedup_horizon_us), stream.name,
                      format_duration_us(stream.keep_us)));
    }
    return ok();
  }

  Status check_joins(const PipelineConfig& pipeline) const {
    std::set<std::string> prefixes;
    for (std::size_t i = 0; i < pipeline.joins.size(); ++i) {
      const JoinConfig& join = pipeline.joins[i];
      KeyPath section{"pipelines", pipeline.name, "join", std::to_string(i)};
      FRESHET_TRY_STATUS(must_have(join.table, section, "table", "cameras"));
      FRESHET_TRY_STATUS(must_have(join.on, section, "on", "camera_id"));
      auto within = [&](const char* key) {
        KeyPath path = section;
        path.emplace_back(key);
        return path;
      };
      if (!has_reference(join.table)) {
        return error(kErrorConfigConflict, within("table"),
                     fmt::format("there is no [reference.{}]", join.table));
      }
      if (!is_identifier(join.on)) {
        return error(kErrorConfigValue, within("on"), "this is not the name of a column");
      }
      if (!is_identifier(join.as)) {
        return error(kErrorConfigValue, within("as"),
                     "a prefix has letters, digits and _, and starts with no digit");
      }
      if (!prefixes.insert(join.as).second) {
        return error(kErrorConfigConflict, within("as"),
                     fmt::format("another join is called \"{}\" already", join.as));
      }
    }
    return ok();
  }

  Status check_archive() const {
    const ArchiveConfig& archive = config_.archive;
    if (archive.url.empty()) {
      for (const TableConfig& table : config_.tables) {
        if (table.keep_archive_us > 0 || !table.classes.empty()) {
          KeyPath path = table.keep_archive_us > 0
                             ? KeyPath{"tables", table.name, "keep", "archive"}
                             : KeyPath{"tables", table.name, "classes"};
          return error(kErrorConfigConflict, path, "nothing is archived: set archive.url too");
        }
        if (table.keep_hot_us == 0) continue;
        return error(kErrorConfigConflict, {"tables", table.name, "keep", "hot"},
                     "rows may leave sooner than their records only where they are archived: set "
                     "archive.url too");
      }
      return ok();
    }
    if (config_.limits.memory_bytes < kArchiveMemoryMin) {
      return error(kErrorConfigConflict, {"limits", "memory"},
                   fmt::format("an archive wants {} or more: its files are made in memory",
                               format_bytes(kArchiveMemoryMin)));
    }
    if (archive.url.starts_with("file:") || archive.url.starts_with("s3://")) return ok();
    return error(
        kErrorConfigValue, {"archive", "url"},
        fmt::format("\"{}\" is neither \"file:FOLDER\" nor \"s3://BUCKET/PREFIX\"", archive.url));
  }

  Status check_tables() const {
    for (const TableConfig& table : config_.tables) {
      KeyPath section{"tables", table.name};
      if (std::none_of(
              config_.pipelines.begin(), config_.pipelines.end(),
              [&](const PipelineConfig& pipeline) { return pipeline.into == table.name; })) {
        return error(kErrorConfigConflict, section, "no pipeline fills this table");
      }
      FRESHET_TRY_STATUS(check_retention(table));
      KeyPath keys{"tables", table.name, "keys"};
      if (table.keys.size() > kKeyColumnsMax) {
        return error(kErrorConfigValue, keys, fmt::format("at most {} columns", kKeyColumnsMax));
      }
      std::set<std::string> seen;
      for (const std::string& column : table.keys) {
        if (!is_identifier(column)) {
          return error(kErrorConfigValue, keys,
                       fmt::format("\"{}\" is not the name of a column", column));
        }
        if (!seen.insert(column).second) {
          return error(kErrorConfigValue, keys, fmt::format("\"{}\" stands there twice", column));
        }
      }
    }
    return ok();
  }

  // Else memory would still show by key what the files have let go.
  Status check_retention(const TableConfig& table) const {
    for (const RetentionClassConfig& one : table.classes) {
      KeyPath path{"tables", table.name, "classes", one.name};
      if (one.archive_us == 0)
        return error(kErrorConfigMissing, path, "say how long: { archive = \"21d\" }");
      path.emplace_back("archive");
      FRESHET_TRY_STATUS(check_outlives_stream(table, path, one.archive_us));
    }
    if (table.keep_archive_us == 0) return ok();
    return check_outlives_stream(table, {"tables", table.name, "keep", "archive"},
                                 table.keep_archive_us);
  }

  Status check_outlives_stream(const TableConfig& table, const KeyPath& path,
                               std::int64_t archive_us) const {
    for (const PipelineConfig& pipeline : config_.pipelines) {
      if (pipeline.into != table.name) continue;
      for (const StreamConfig& stream : config_.streams) {
        if (stream.name != pipeline.from || stream.keep_us <= archive_us) continue;
        return error(kErrorConfigConflict, path,
                     fmt::format("{} is shorter than streams.{}.keep.time, {}: rows would leave "
                                 "the files before they leave memory; lower the one or raise the "
                                 "other",
                                 format_duration_us(archive_us), stream.name,
                                 format_duration_us(stream.keep_us)));
      }
    }
    return ok();
  }

  Status check_access() {
    for (KeyConfig& key : config_.keys) {
      KeyPath section{"auth", "keys", key.id};
      if (key.id.size() > 128 || !is_made_of(key.id, "_-")) {
        return error(kErrorConfigValue, section,
                     "an access key id has 1..128 letters, digits, _ or -");
      }
      FRESHET_TRY_STATUS(must_have(key.secret_file, section, "secret_file", "keys/" + key.id));
      FRESHET_TRY_STATUS(read_secret(key));
      for (const std::string& rule : key.allow) FRESHET_TRY_STATUS(check_rule(key, rule));
      if (key.allow.empty()) warn(section, "allow is empty: this key may do nothing");
    }
    return ok();
  }

  Status check_rule(const KeyConfig& key, const std::string& rule) const {
    std::size_t blank = rule.find(' ');
    bool is_pair = blank != std::string::npos && blank > 0 && blank + 1 < rule.size() &&
                   rule.find(' ', blank + 1) == std::string::npos;
    std::string action = rule.substr(0, blank);
    if (is_pair && (action == "*" || action.find(':') != std::string::npos)) return ok();
    return error(
        kErrorConfigValue, {"auth", "keys", key.id, "allow"},
        fmt::format("\"{}\" is not a rule; write \"service:Action kind/name\", for example "
                    "\"kinesis:PutRecords stream/detections\"",
                    rule));
  }

  Status read_secret(KeyConfig& key) {
    KeyPath path{"auth", "keys", key.id, "secret_file"};
    struct stat about{};
    std::ifstream file(key.secret_file);
    if (stat(key.secret_file.c_str(), &about) != 0 || !file) {
      return error(kErrorConfigSecret, path,
                   fmt::format("{} cannot be read; make it, with the secret in its first line",
                               key.secret_file));
    }
    if (!std::getline(file, key.secret) || key.secret.empty()) {
      return error(
          kErrorConfigSecret, path,
          fmt::format("{} is empty; write the secret into its first line", key.secret_file));
    }
    if (key.secret.back() == '\r') key.secret.pop_back();
    if (key.secret.size() > 128 ||
        std::any_of(key.secret.begin(), key.secret.end(),
                    [](unsigned char c) { return c <= ' ' || c > '~'; })) {
      return error(kErrorConfigSecret, path,
                   fmt::format("the first line of {} is not a secret: at most 128 printable ASCII "
                               "characters without blanks",
                               key.secret_file));
    }
    if (key.secret.size() < 16) warn(path, "this secret is short; take 40 random characters");
    if ((about.st_mode & 077) != 0) {
      warn(path,
           fmt::format("others may read {}; run: chmod 600 {}", key.secret_file, key.secret_file));
    }
    return ok();
  }

  Config& config_;
  const ConfigOrigins& origins_;
  std::vector<std::string>& warnings_;
};

void add_default_pipeline(Config& config) {
  PipelineConfig pipeline;
  pipeline.name = pipeline.from = pipeline.into = "detections";
  const JoinConfig usual[] = {{"cameras", "camera_id", "cam"}, {"locations", "location_id", "loc"}};
  for (const JoinConfig& join : usual) {
    for (const ReferenceConfig& reference : config.references) {
      if (reference.name == join.table) pipeline.joins.push_back(join);
    }
  }
  config.pipelines.push_back(std::move(pipeline));
}

StreamConfig& stream_of(Config& config, const std::string& name) {
  for (StreamConfig& stream : config.streams) {
    if (stream.name == name) return stream;
  }
  config.streams.emplace_back();
  config.streams.back().name = name;
  return config.streams.back();
}

void complete_pipeline(Config& config, PipelineConfig& pipeline, const ConfigOrigins& origins) {
  for (JoinConfig& join : pipeline.joins) {
    if (join.as.empty()) join.as = join.table;
  }
  if (pipeline.from.empty() || pipeline.into.empty()) return;  // refused by check_config
  const StreamConfig& stream = stream_of(config, pipeline.from);
  if (!origins.given(key_text({"pipelines", pipeline.name, "dedup", "horizon"}))) {
    pipeline.dedup_horizon_us = std::min(pipeline.dedup_horizon_us, stream.keep_us);
  }
  if (std::none_of(config.tables.begin(), config.tables.end(),
                   [&](const TableConfig& table) { return table.name == pipeline.into; })) {
    config.tables.emplace_back();
    config.tables.back().name = pipeline.into;
  }
}

// The three are about one server.
void complete_reference(const Config& config, ReferenceConfig& reference) {
  if (!is_s3_url(reference.from) || !reference.endpoint.empty()) return;
  const ArchiveConfig& archive = config.archive;
  reference.endpoint = archive.endpoint;
  if (reference.region.empty()) reference.region = archive.region;
  if (!reference.path_style) reference.path_style = archive.path_style;
}

}  // namespace

void ConfigOrigins::forget_below(const std::string& key) {
  std::erase_if(where_, [&](const auto& item) {
    return item.first.starts_with(key) && item.first.size() > key.size() &&
           (item.first[key.size()] == '.' || item.first[key.size()] == '[');
  });
}

std::string ConfigOrigins::where(std::string key) const {
  for (;;) {
    if (auto found = where_.find(key); found != where_.end()) return found->second;
    std::size_t end = key.find_last_of(".[");
    if (end == std::string::npos) return "defaults";
    key.resize(end);
  }
}

void complete_config(Config& config, const ConfigOrigins& origins) {
  if (config.data_directory.empty()) {
    config.data_directory = (std::filesystem::current_path() / "freshet-data").string();
  }
  // A door left out stays closed; a file that names no door at all gets both, for this machine.
  if (!config.listen.aws && !config.listen.http) {
    config.listen.aws = "127.0.0.1:4566";
    config.listen.http = "127.0.0.1:8080";
  }
  if (config.pipelines.empty()) add_default_pipeline(config);
  for (PipelineConfig& pipeline : config.pipelines) complete_pipeline(config, pipeline, origins);
  for (ReferenceConfig& reference : config.references) complete_reference(config, reference);
  LimitsConfig& limits = config.limits;
  if (limits.memory_bytes == 0) limits.memory_bytes = machine_memory_bytes() / 2;
  if (limits.query_memory_bytes == 0) limits.query_memory_bytes = limits.memory_bytes / 4;
  if (limits.disk_bytes == 0) limits.disk_bytes = disk_room_bytes(config.data_directory) / 5 * 4;
}

Status check_config(Config& config, const ConfigOrigins& origins,
                    std::vector<std::string>& warnings) {
  return Checker(config, origins, warnings).run();
}

}  // namespace freshet::app
