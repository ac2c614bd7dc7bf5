#include "app/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "app/memory_plan.h"
#include "app/reference_files.h"
#include "common/logging.h"
#include "common/units.h"
#include "http/server.h"
#include "io/disk.h"
#include "io/executor.h"
#include "net/server.h"
#include "pipeline/runner.h"
#include "query/engine.h"
#include "server/console/http_api.h"
#include "server/dynamodb/door.h"
#include "server/gate/gate.h"
#include "server/kinesis/door.h"

namespace freshet::app {
namespace {

constexpr std::int64_t kStopGraceUs = 10'000'000;
constexpr std::size_t kWorkerQueueMax = 4'096;

pipeline::PipelineSettings to_settings(const PipelineConfig& from, const Config& config) {
  pipeline::PipelineSettings settings;
  settings.name = from.name;
  settings.stream = from.from;
  settings.table = from.into;
  settings.dedup.horizon_us = from.dedup_horizon_us;
  settings.decode.ahead_max_us = from.ahead_max_us;
  for (const JoinConfig& join : from.joins)
    settings.joins.push_back({join.table, join.on, join.as});
  settings.sql = from.sql;
  settings.sql_where = from.sql_where;
  settings.keys = TableConfig{}.keys;
  for (const TableConfig& table : config.tables) {
    if (table.name == from.into) settings.keys = table.keys;
  }
  return settings;
}

std::vector<pipeline::PipelineSettings> all_settings(const Config& config) {
  std::vector<pipeline::PipelineSettings> all;
  for (const PipelineConfig& pipeline : config.pipelines)
    all.push_back(to_settings(pipeline, config));
  return all;
}

using Tables = std::vector<std::shared_ptr<const pipeline::ReferenceTable>>;

Result<Tables> load_references(const Config& config) {
  Tables tables;
  for (const ReferenceConfig& reference : config.references) {
    FRESHET_TRY(auto table, load_reference_file(reference));
    tables.push_back(std::move(table));
  }
  return tables;
}

pipeline::RunnerConfig to_runner_config(const Config& config, const MemoryPlan& memory) {
  pipeline::RunnerConfig runner;
  runner.data_directory = config.data_directory;
  runner.memory_bytes = memory.rows_bytes;
  runner.disk_bytes = config.limits.disk_bytes;
  // Large segments cost fewer preparations; on a small disk one must not be a large part of it.
  std::uint64_t wanted =
      config.limits.disk_bytes == 0 ? 256ull << 20 : config.limits.disk_bytes / 16;
  runner.segment_bytes = std::clamp<std::uint64_t>(wanted >> 22 << 22, 4ull << 20, 256ull << 20);
  for (const StreamConfig& stream : config.streams) {
    runner.streams.push_back({stream.name, stream.partitions, stream.keep_us, stream.keep_bytes});
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
  explicit State(const Config& c) : config(c), memory(plan_memory(c.limits)) {}

  Config config;
  MemoryPlan memory;
  MemoryBudget requests{memory.requests_bytes};
  std::unique_ptr<io::ThreadPool> workers;
  std::unique_ptr<pipeline::Runner> runner;
  std::unique_ptr<ReferenceReloader> reloader;
  std::unique_ptr<query::Engine> engine;
  std::unique_ptr<gate::Gate> gate;
  std::unique_ptr<kinesis::KinesisDoor> kinesis;
  std::unique_ptr<dynamodb::DynamoDbDoor> dynamodb;
  std::unique_ptr<console::HttpApi> http_api;
  std::unique_ptr<net::Server> aws_server;
  std::unique_ptr<net::Server> http_server;
  Addresses addresses;
  bool stopped = false;

  Status start();
  Status start_doors();
  Result<std::unique_ptr<net::Server>> listen(const char* name, const std::string& address,
                                              http::Handler handler, http::ServerOptions options);
  Status write_addresses();
};

Status Server::State::start() {
  io::Clock& clock = io::system_clock();
  Status keys_status;
  std::vector<gate::Key> keys = to_keys(config, keys_status);
  FRESHET_TRY_STATUS(std::move(keys_status));
  FRESHET_TRY(Tables references, load_references(config));
  workers = std::make_unique<io::ThreadPool>("worker", 2, kWorkerQueueMax);
  FRESHET_TRY(runner,
              pipeline::Runner::start(to_runner_config(config, memory), std::move(references),
                                      io::system_disk(), clock, io::system_random(), *workers));
  reloader = std::make_unique<ReferenceReloader>(config.references, runner->references(), clock);
  gate = std::make_unique<gate::Gate>(gate::GateConfig{.region = config.region}, clock,
                                      io::system_random());
  gate->replace_keys(std::move(keys));
  FRESHET_TRY_STATUS(start_doors());
  return write_addresses();
}

Result<std::unique_ptr<net::Server>> Server::State::listen(const char* name,
                                                           const std::string& address,
                                                           http::ServerOptions options) {
  FRESHET_TRY(net::HostPort at, net::parse_host_port(address));
  options.budget = &requests;
  options.clock = &io::system_clock();
  net::ServerConfig server_config{.name = name, .host = at.host, .port = at.port};
  auto protocol =
      http::server_protocol(std::make_shared<const http::ServerOptions>(std::move(options)));
  FRESHET_TRY(auto server,
              net::Server::open(server_config, std::move(protocol), io::system_clock()));
  if (config.keys.empty() && !server->bound_to_loopback()) {
    server->stop(0);
    return Error(Code::kDenied, 4101,
                 fmt::format("listen.{} = \"{}\": without a key in [auth.keys] Freshet listens on "
                             "loopback only; add a "
                             "key, or write \"127.0.0.1:{}\"",
                             name, address, at.port));
  }
  return server;
}

Status Server::State::start_doors() {
  io::Clock& clock = io::system_clock();
  std::string secret = runner->catalog().iterator_secret();
  kinesis::DoorConfig kinesis_config{.region = config.region};
  FRESHET_CHECK(secret.size() >= kinesis_config.secret.size());
  std::copy_n(secret.begin(), kinesis_config.secret.size(), kinesis_config.secret.begin());
  kinesis =
      std::make_unique<kinesis::KinesisDoor>(runner->streams(), *workers, clock, kinesis_config);
  gate->add_door(kinesis->door());
  dynamodb = std::make_unique<dynamodb::DynamoDbDoor>(
      runner->tables(), *workers, clock, dynamodb::DoorConfig{.region = config.region});
  gate->add_door(dynamodb->door());
  if (config.listen.aws) {
    FRESHET_TRY(aws_server, listen("aws", *config.listen.aws,
                                   {.handler = gate->handler(),
                                    .body_limit = gate::Gate::body_limit,
                                    .refusal = gate::Gate::refusal}));
    addresses.aws = aws_server->address();
  }
  return ok();
}
