#include "app/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include "app/erasures.h"
#include "app/http_services.h"
#include "app/memory_plan.h"
#include "app/reference_files.h"
#include "archive/archive.h"
#include "common/bytes.h"
#include "common/logging.h"
#include "common/units.h"
#include "http/server.h"
#include "io/disk.h"
#include "io/executor.h"
#include "net/server.h"
#include "pipeline/runner.h"
#include "query/engine.h"
#include "replay/all_tables.h"
#include "replay/replays.h"
#include "server/console/http_api.h"
#include "server/dynamodb/door.h"
#include "server/gate/gate.h"
#include "server/kinesis/door.h"
#include "server/kinesis/hash_key.h"

namespace freshet::app {
namespace {

constexpr std::int64_t kArchiveDeadlineUs = 20'000'000;
constexpr std::int64_t kStopGraceUs = 10'000'000;
constexpr std::size_t kWorkerQueueMax = 4'096;

pipeline::PipelineSettings to_settings(const PipelineConfig& from, const Config& config) {
  pipeline::PipelineSettings settings;
  settings.name = from.name;
  settings.stream = from.from;
  settings.table = from.into;
  settings.dedup.horizon_us = from.dedup_horizon_us;
  settings.decode.ahead_max_us = from.ahead_max_us;
  std::string cameras;  // where an event names no location, its camera's stands in
  for (const JoinConfig& join : from.joins) {
    pipeline::JoinTable table{join.as, join.table, join.on, "", ""};
    if (join.table == "locations" && join.on == "location_id" && !cameras.empty()) {
      table.fallback_prefix = cameras;
      table.fallback_column = "location_id";
    }
    if (join.table == "cameras" && join.on == "camera_id") cameras = join.as;
    settings.joins.push_back(std::move(table));
  }
  settings.sql = from.sql;
  settings.sql_where = from.sql_where;
  settings.keys = TableConfig{}.keys;
  settings.archived = !config.archive.url.empty();
  for (const TableConfig& table : config.tables) {
    if (table.name != from.into) continue;
    settings.keys = table.keys;
    settings.keep_hot_us = table.keep_hot_us;
  }
  return settings;
}

std::vector<pipeline::PipelineSettings> all_settings(const Config& config) {
  std::vector<pipeline::PipelineSettings> all;
  for (const PipelineConfig& pipeline : config.pipelines)
    all.push_back(to_settings(pipeline, config));
  return all;
}

std::string reference_folder(const Config& config) {
  return config.data_directory + "/reference-work";
}

using Tables = std::vector<std::shared_ptr<const pipeline::ReferenceTable>>;

struct LoadedReferences {
  std::vector<SourcedReference> sourced;
  Tables tables;
  std::vector<std::pair<std::string, Error>> refused;  // by table

  // What was read is in force.
  void settle() {
    for (SourcedReference& each : sourced) {
      bool was_refused = std::any_of(refused.begin(), refused.end(), [&](const auto& item) {
        return item.first == each.config.name;
      });
      if (!was_refused) each.source->settle();
    }
  }
};

// `folder` takes objects while they are read.
Result<LoadedReferences> load_references(const Config& config, const std::string& folder,
                                         const std::function<bool()>& is_cancelled) {
  LoadedReferences loaded;
  for (const ReferenceConfig& reference : config.references) {
    FRESHET_TRY(auto source, open_reference_source(reference, folder, is_cancelled));
    auto table = source->read();
    if (table) {
      loaded.tables.push_back(*std::move(table));
    } else {
      loaded.refused.emplace_back(reference.name, std::move(table).error());
    }
    loaded.sourced.push_back({reference, std::move(source)});
  }
  return loaded;
}

pipeline::RunnerConfig to_runner_config(const Config& config, const MemoryPlan& memory) {
  pipeline::RunnerConfig runner;
  runner.data_directory = config.data_directory;
  runner.memory_bytes = memory.rows_bytes;
  runner.memory_ids = memory.memory_ids;
  runner.disk_bytes = config.limits.disk_bytes;
  runner.checkpoint_records = config.limits.replay_records;
  // Large segments cost fewer preparations; on a small disk one must not be a large part of it.
  std::uint64_t wanted =
      config.limits.disk_bytes == 0 ? 256ull << 20 : config.limits.disk_bytes / 16;
  runner.segment_bytes = std::clamp<std::uint64_t>(wanted >> 22 << 22, 4ull << 20, 256ull << 20);
  for (const StreamConfig& stream : config.streams) {
    runner.streams.push_back(
        {stream.name, stream.partitions, stream.keep_us, stream.keep_bytes, stream.before_archive});
  }
  runner.pipelines = all_settings(config);
  return runner;
}

std::vector<gate::Key> to_keys(const Config& config, Status& status) {
  std::vector<gate::Key> keys;
  for (const KeyConfig& from : config.keys) {
    gate::Key key{from.id, from.secret, {}};
    for (const std::string& text : from.allow) {
      auto rule = gate::parse_allow_rule(text);
      if (!rule) {
        status = std::move(rule).error().with_context(fmt::format("auth.keys.{}.allow", from.id));
        return {};
      }
      key.allow.push_back(*std::move(rule));
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

struct Server::State {
  State(const Config& c, std::function<void()> again)
      : config(c),
        begin_again(std::move(again)),
        memory(plan_memory(c.limits, !c.archive.url.empty())) {}

  Config config;
  std::function<void()> begin_again;
  MemoryPlan memory;
  MemoryBudget requests{memory.requests_bytes};
  std::unique_ptr<io::ThreadPool> workers;
  std::unique_ptr<pipeline::Runner> runner;
  std::atomic<bool> archive_stops{false};
  std::unique_ptr<archive::Archive> archive;
  std::unique_ptr<io::ThreadPool> archive_jobs;  // verifies and compactions
  std::atomic<bool> references_stop{false};
  std::unique_ptr<ReferenceReloader> reloader;
  std::unique_ptr<replay::AllTables> all_tables;
  std::unique_ptr<replay::Replays> replays;
  std::unique_ptr<query::Engine> engine;
  std::unique_ptr<PipelineExplain> explain;
  std::unique_ptr<PipelineReferences> references;
  std::unique_ptr<Erasures> erasures;
  std::unique_ptr<gate::Gate> gate;
  std::unique_ptr<kinesis::KinesisDoor> kinesis;
  std::unique_ptr<dynamodb::DynamoDbDoor> dynamodb;
  std::unique_ptr<console::HttpApi> http_api;
  std::unique_ptr<net::Server> aws_server;
  std::unique_ptr<net::Server> http_server;
  Addresses addresses;
  bool stopped = false;

  Status start();
  Status open_archive();
  std::map<std::string, std::string> archive_access() const;
  Status keep_versions_of(const std::vector<std::pair<std::string, Error>>& refused);
  Status open_aws_doors();
  Status open_http_door(std::vector<gate::Key> keys);
  Status health() const;
  Status check_address(const char* name, const net::HostPort& at) const;
  void stop();
  Result<std::unique_ptr<net::Server>> listen(const char* name, const std::string& address,
                                              http::ServerOptions options);
  Status write_addresses();
};

Status Server::State::start() {
  io::Clock& clock = io::system_clock();
  Status keys_status;
  std::vector<gate::Key> keys = to_keys(config, keys_status);
  FRESHET_TRY_STATUS(std::move(keys_status));
  FRESHET_TRY(LoadedReferences files, load_references(config, reference_folder(config),
                                                      [this] { return references_stop.load(); }));
  workers = std::make_unique<io::ThreadPool>("worker", 2, kWorkerQueueMax);
  ErasureWork erasure_work(config, io::system_disk(), clock);
  pipeline::RunnerConfig runner_config = to_runner_config(config, memory);
  runner_config.before_log = [&](catalog::Catalog& catalog) {
    return erasure_work.before_log(catalog);
  };
  auto started = pipeline::Runner::start(std::move(runner_config), std::move(files.tables),
                                         io::system_disk(), clock, io::system_random(), *workers);
  // A file that cannot be read may be why a pipeline finds no such column.
  if (!started && !files.refused.empty()) return std::move(files.refused.front().second);
  FRESHET_TRY(runner, std::move(started));
  FRESHET_TRY_STATUS(keep_versions_of(files.refused));
  files.settle();
  FRESHET_TRY_STATUS(open_archive());
  FRESHET_TRY_STATUS(erasure_work.behind_log(runner->catalog(), archive.get()));
  if (archive) {
    FRESHET_TRY_STATUS(archive->start());
    runner->streams().use_archive([this] { return archive->flush(); });
  }
  std::error_code ignored;  // what an end in the middle of a read has left
  std::filesystem::remove_all(reference_folder(config), ignored);
  reloader =
      std::make_unique<ReferenceReloader>(std::move(files.sourced), runner->references(), clock);
  gate = std::make_unique<gate::Gate>(gate::GateConfig{.region = config.region}, clock,
                                      io::system_random());
  gate->replace_keys(keys);
  FRESHET_TRY_STATUS(open_aws_doors());
  FRESHET_TRY_STATUS(open_http_door(std::move(keys)));
  return write_addresses();
}

Status Server::State::open_archive() {
  if (config.archive.url.empty()) return ok();
  object_store::Settings settings;
  settings.base_folder = config.data_directory;
  settings.s3.endpoint_url = config.archive.endpoint;
  settings.s3.region = config.archive.region;
  settings.s3.path_style = config.archive.path_style;
  // An outage is to be seen soon; what failed is tried again with the next commit.
  settings.s3.deadline_us = kArchiveDeadlineUs;
  settings.s3.part_bytes = 8ull << 20;
  settings.s3.multipart_above_bytes = 16ull << 20;
  settings.s3.is_cancelled = [this] { return archive_stops.load(); };
  auto store = object_store::open_object_store(config.archive.url, settings);
  if (!store) return std::move(store).error().with_context("archive.url");
  archive::ArchiveConfig archive_config;
  archive_config.commit_every_us = config.archive.commit_every_us;
  archive_config.commit_rows = config.archive.commit_rows;
  archive_config.work_folder = config.data_directory + "/archive-work";
  archive_config.memory_bytes = memory.archive_bytes;
  archive_config.compact = config.archive.compact;
  archive_config.keep_snapshots_us = config.archive.keep_snapshots_us;
  archive_config.copies_bytes = config.archive.copies_bytes;
  archive_config.rows_are_held = [this] { return runner->rows_are_held(); };
  for (const TableConfig& table : config.tables) {
    archive::RetentionRules rules;
    rules.keep_us = table.keep_archive_us;
    for (const RetentionClassConfig& one : table.classes) rules.classes[one.name] = one.archive_us;
    if (!rules.is_empty()) archive_config.retention[table.name] = std::move(rules);
  }
  FRESHET_TRY(archive, archive::Archive::open(archive_config, *std::move(store), runner->catalog(),
                                              runner->tables(), io::system_disk(),
                                              io::system_clock(), io::system_random()));
  archive_jobs = std::make_unique<io::ThreadPool>("archive-job", 1, 16);
  return ok();
}

// What Iceberg clients need beside their keys.
std::map<std::string, std::string> Server::State::archive_access() const {
  std::map<std::string, std::string> access;
  if (!config.archive.endpoint.empty()) access["s3.endpoint"] = config.archive.endpoint;
  if (!config.archive.region.empty()) access["s3.region"] = config.archive.region;
  if (config.archive.path_style.value_or(!config.archive.endpoint.empty()) &&
      config.archive.url.starts_with("s3:"))
    access["s3.path-style-access"] = "true";
  return access;
}

// A server that starts again after a crash must not stay away because a file was spoilt meanwhile:
// the version that is in force stays. Where there is none, there is nothing to join with.
Status Server::State::keep_versions_of(const std::vector<std::pair<std::string, Error>>& refused) {
  for (const auto& [table, error] : refused) {
    std::uint32_t version = runner->references().active(table).version;
    if (version == 0) return error;
    report_refused_reference(table, version, error);
  }
  return ok();
}

// Without a key anyone who connects may do anything, so only this machine may connect.
Status Server::State::check_address(const char* name, const net::HostPort& at) const {
  bool loopback = at.host.starts_with("127.") || at.host == "localhost" || at.host == "::1";
  if (!config.keys.empty() || loopback) return ok();
  return Error(
      Code::kDenied, 4101,
      fmt::format("listen.{} = \"{}:{}\": without a key in [auth.keys] Freshet listens on loopback "
                  "only; add a key, or write \"127.0.0.1:{}\"",
                  name, at.host, at.port, at.port));
}

Result<std::unique_ptr<net::Server>> Server::State::listen(const char* name,
                                                           const std::string& address,
                                                           http::ServerOptions options) {
  FRESHET_TRY(net::HostPort at, net::parse_host_port(address));
  FRESHET_TRY_STATUS(check_address(name, at));
  options.budget = &requests;
  options.clock = &io::system_clock();
  net::ServerConfig server_config;
  server_config.name = name;
  server_config.host = at.host;
  server_config.port = at.port;
  auto protocol =
      http::server_protocol(std::make_shared<const http::ServerOptions>(std::move(options)));
  FRESHET_TRY(auto server,
              net::Server::open(server_config, std::move(protocol), io::system_clock()));
  // "localhost" might have been given another address in the machine's hosts file.
  FRESHET_CHECK(!config.keys.empty() || server->bound_to_loopback());
  return server;
}

Status Server::State::open_aws_doors() {
  std::string secret = runner->catalog().iterator_secret();
  kinesis::DoorConfig kinesis_config;
  kinesis_config.region = config.region;
  FRESHET_CHECK(secret.size() >= kinesis_config.secret.size());
  std::memcpy(kinesis_config.secret.data(), secret.data(), kinesis_config.secret.size());
  kinesis = std::make_unique<kinesis::KinesisDoor>(runner->streams(), *workers, io::system_clock(),
                                                   kinesis_config);
  gate->add_door(kinesis->door());
  dynamodb::DoorConfig dynamodb_config;
  dynamodb_config.region = config.region;
  dynamodb = std::make_unique<dynamodb::DynamoDbDoor>(dynamodb_config, runner->tables(), *workers);
  gate->add_door(dynamodb->door());
  if (!config.listen.aws) return ok();
  http::ServerOptions options;
  options.handler = gate->handler();
  options.body_limit = gate::Gate::body_limit;
  options.refusal = [this](int status, std::string_view reason, const http::Request& head) {
    return gate->refusal(status, reason, head);
  };
  FRESHET_TRY(aws_server, listen("aws", *config.listen.aws, std::move(options)));
  addresses.aws = aws_server->address();
  return ok();
}

Status Server::State::open_http_door(std::vector<gate::Key> keys) {
  if (!config.listen.http) return ok();
  query::EngineConfig engine_config;
  engine_config.memory_bytes = memory.query_bytes;
  engine_config.threads = std::max(1u, std::thread::hardware_concurrency());
  engine_config.time_us = config.limits.query_time_us;
  engine_config.rows_max = config.limits.query_rows_max;
  engine_config.at_once = config.limits.queries_at_once;
  all_tables = std::make_unique<replay::AllTables>(runner->tables(), archive.get());
  FRESHET_TRY(engine, query::Engine::open(engine_config, *all_tables, io::system_clock()));
  explain = std::make_unique<PipelineExplain>(runner->tables());
  references = std::make_unique<PipelineReferences>(
      config.references, config.data_directory + "/incoming", runner->references(),
      io::system_clock(), io::system_random());
  erasures = std::make_unique<Erasures>(config, *runner, *engine, archive.get(), io::system_disk(),
                                        io::system_clock(), begin_again);
  replays = std::make_unique<replay::Replays>(
      replay::ReplaysConfig{.folder = config.data_directory + "/replay", .limits = {}}, *runner,
      archive.get());
  http_api = std::make_unique<console::HttpApi>(
      console::HttpApiParts{.streams = runner->streams(),
                            .tables = *all_tables,
                            .engine = *engine,
                            .explain = *explain,
                            .references = *references,
                            .executor = *workers,
                            .clock = io::system_clock(),
                            .random = io::system_random(),
                            .hash_partition_key = kinesis::hash_of_partition_key,
                            .health = [this] { return health(); },
                            .archive = archive.get(),
                            .replays = replays.get(),
                            .archive_executor = archive_jobs.get(),
                            .archive_access = archive_access(),
                            .erasures = erasures.get()});
  http_api->replace_keys(std::move(keys));
  http::ServerOptions options;
  options.handler = http_api->handler();
  options.body_limit = console::HttpApi::body_limit;
  options.refusal = console::HttpApi::refusal;
  FRESHET_TRY(http_server, listen("http", *config.listen.http, std::move(options)));
  addresses.http = http_server->address();
  return ok();
}

Status Server::State::health() const {
  if (runner->can_write()) return ok();
  return Error(Code::kUnavailable, 3405,
               "the log cannot be written; restart the server when the disk is well");
}

// DIR/addresses.json: how a script that started the server on port 0 finds it.
Status Server::State::write_addresses() {
  std::string path = config.data_directory + "/addresses.json";
  std::string text = "{";
  if (!addresses.aws.empty()) text += fmt::format("\"aws\":\"{}\"", addresses.aws);
  if (!addresses.http.empty())
    text += fmt::format("{}\"http\":\"{}\"", text.size() > 1 ? "," : "", addresses.http);
  text += "}\n";
  io::Disk& disk = io::system_disk();
  auto removed = disk.remove(path + ".new");  // of a start that was cut off
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  {
    FRESHET_TRY(auto file, disk.open(path + ".new", io::OpenMode::kCreate));
    FRESHET_TRY_STATUS(file->write(0, as_bytes_of(text)));
  }
  return disk.rename(path + ".new", path);
}

void Server::State::stop() {
  if (stopped) return;
  stopped = true;
  // Doors first: what came in is answered, nothing new does. Then those that change things, then
  // the log.
  if (aws_server) aws_server->stop(kStopGraceUs);
  if (http_server) http_server->stop(kStopGraceUs);
  references_stop.store(true);
  if (reloader) reloader->stop();
  if (http_api) http_api->stop();
  archive_stops.store(true);
  if (replays) replays->stop();
  if (archive) archive->stop();
  if (archive_jobs) archive_jobs->stop();
  if (workers) workers->stop();
  if (runner) runner->stop();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(const Config& config,
                                              std::function<void()> begin_again) {
  auto state = std::make_unique<State>(config, std::move(begin_again));
  auto server = std::unique_ptr<Server>(new Server(std::move(state)));
  FRESHET_TRY_STATUS(server->state_->start());
  return server;
}

const Addresses& Server::addresses() const {
  return state_->addresses;
}

void Server::stop() {
  state_->stop();
}

namespace {

bool started_at_checkpoint(const pipeline::RunnerReport& report) {
  return std::any_of(report.checkpoints.begin(), report.checkpoints.end(),
                     [](Position position) { return position > Position{}; });
}

}  // namespace

std::string Server::start_report() const {
  const pipeline::RunnerReport& report = state_->runner->report();
  std::string text;
  if (!addresses().aws.empty())
    text += fmt::format("AWS door (Kinesis, DynamoDB): http://{}\n", addresses().aws);
  if (!addresses().http.empty())
    text += fmt::format("HTTP API:                     http://{}\n", addresses().http);
  text += fmt::format(
      "data in {}, {} records in the log, ready again in {:.1f} s{}; disk writes through {}\n",
      state_->config.data_directory, report.records, static_cast<double>(report.replay_us) / 1e6,
      started_at_checkpoint(report) ? " from a checkpoint" : "", report.write_queue);
  if (state_->config.keys.empty()) {
    text +=
        "no key is configured: only this machine may connect, and any well-formed signature is "
        "taken\n";
  }
  for (const log::Gap& gap : report.gaps) {
    text += fmt::format("DAMAGE: {} at offset {}, {} bytes cannot be read ({})\n", gap.segment,
                        gap.offset, gap.bytes, gap.reason);
  }
  return text;
}

Status check_server(const Config& config) {
  Status keys_status;
  to_keys(config, keys_status);
  FRESHET_TRY_STATUS(std::move(keys_status));
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("freshet-check-{}", getpid());
  auto loaded = load_references(config, folder.string(), [] { return false; });
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  FRESHET_TRY(LoadedReferences files, std::move(loaded));
  if (!files.refused.empty()) return std::move(files.refused.front().second);
  return pipeline::Runner::check(all_settings(config), files.tables);
}

}  // namespace freshet::app
