#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include "app/address.h"
#include "app/config.h"
#include "app/memory_plan.h"
#include "app/server.h"
#include "cli/aws_client.h"
#include "cli/commands.h"
#include "cli/fleet_files.h"
#include "cli/generator.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/latency.h"
#include "cli/server_client.h"
#include "common/base64.h"
#include "common/logging.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kTickUs = 100'000;
constexpr std::int64_t kCommitEveryUs = 10'000'000;
constexpr std::int64_t kStatusUs = 1'000'000;
constexpr std::int64_t kQuietStatusUs = 10'000'000;
constexpr std::int64_t kDayUs = 600'000'000;       // a day passes in ten minutes…
constexpr std::int64_t kDayBeginUs = 175'000'000;  // …and begins at seven in the morning
constexpr std::size_t kBatchMax = 500;

constexpr int kErrorAddressTaken = 1151;  // of net::Server::open

std::int64_t monotonic_us() {
  return io::system_clock().monotonic_ns() / 1000;
}

// Publishes the generated events through the Kinesis door.
class Publisher {
 public:
  Publisher(std::unique_ptr<AwsClient> client, GeneratorConfig config)
      : client_(std::move(client)), generator_(config) {}

  // What was acknowledged of the events due at this rate since the last call.
  Status publish(double events_due) {
    due_ += events_due;
    while (due_ >= 1 && !interrupted()) {
      std::vector<GeneratedEvent> batch;
      for (; due_ >= 1 && batch.size() < kBatchMax; --due_) {
        batch.push_back(generator_.next(io::system_clock().wall_us()));
      }
      FRESHET_TRY_STATUS(put(std::move(batch)));
    }
    return ok();
  }

  std::uint64_t sent() const { return sent_; }
  const std::string& last_id() const { return last_id_; }
  // Of the requests since the last call.
  std::int64_t take_p50_us() {
    std::int64_t p50_us = latency_.quantile_us(0.5);
    latency_.clear();
    return p50_us;
  }

 private:
  static std::string body_of(const std::vector<GeneratedEvent>& batch) {
    std::string body = R"({"StreamName":"detections","Records":[)";
    for (const GeneratedEvent& event : batch) {
      if (body.back() == '}') body += ',';
      body += fmt::format(R"({{"PartitionKey":"{}","Data":"{}"}})", event.camera_id,
                          base64_encode(event.data));
    }
    return body + "]}";
  }

  // Until every record is acknowledged, as a producer must.
  Status put(std::vector<GeneratedEvent> batch) {
    while (!batch.empty() && !interrupted()) {
      std::int64_t begin_us = monotonic_us();
      FRESHET_TRY(http::Response answer, client_->call("PutRecords", body_of(batch)));
      if (answer.status != 200) return aws_error_of(answer);
      FRESHET_TRY(JsonValue parsed, parse_json(answer.body));
      const auto& outcomes = parsed["Records"].items;
      if (outcomes.size() != batch.size()) {
        return Error(Code::kCorruption, "PutRecords answered for another number of records");
      }
      std::vector<GeneratedEvent> again;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (outcomes[i]["ErrorCode"].kind != JsonValue::Kind::kNull) {
          again.push_back(std::move(batch[i]));
          continue;
        }
        ++sent_;
        if (batch[i].kind == GeneratedEvent::Kind::kNew) last_id_ = batch[i].id;
      }
      if (again.empty()) latency_.add_us(monotonic_us() - begin_us);
      batch = std::move(again);
      if (!batch.empty()) wait_for_interrupt_us(kTickUs);
    }
    return ok();
  }

  std::unique_ptr<AwsClient> client_;
  EventGenerator generator_;
  LatencyHistogram latency_;
  double due_ = 0;
  std::uint64_t sent_ = 0;
  std::string last_id_;
};

// The server's own account, so that what is shown is what a reader would find.
struct Account {
  std::string received, accepted, duplicate, refused;
};

Result<Account> ask_account(ServerClient& client) {
  constexpr std::string_view kSql =
      "SELECT coalesce(sum(received), 0)::BIGINT AS received, coalesce(sum(accepted), 0)::BIGINT "
      "AS "
      "accepted, coalesce(sum(duplicate), 0)::BIGINT AS duplicate, coalesce(sum(refused), "
      "0)::BIGINT "
      "AS refused FROM \"detections$ledger\"";
  FRESHET_TRY(ServerAnswer answer,
              client.send("POST", "/v1/sql", fmt::format("{{\"sql\":{}}}", json_string(kSql)),
                          "application/json"));
  FRESHET_TRY(JsonValue rows, parse_json(answer.body));
  if (rows.items.size() != 1) return Error(Code::kCorruption, "the account came back empty");
  const JsonValue& row = rows.items[0];
  return Account{row["received"].to_text(), row["accepted"].to_text(), row["duplicate"].to_text(),
                 row["refused"].to_text()};
}

// The usual ports if they are free, else any: two demos may run side by side.
Result<std::unique_ptr<app::Server>> start_server(const std::string& config_file,
                                                  const std::string& data) {
  for (bool any_port : {false, true}) {
    app::ConfigSources sources;
    sources.file = config_file;
    sources.flags = {{"data", data}};
    if (any_port) {
      sources.flags.emplace_back("listen.aws", "127.0.0.1:0");
      sources.flags.emplace_back("listen.http", "127.0.0.1:0");
    }
    FRESHET_TRY(app::LoadedConfig loaded, app::load_config(sources));
    // Rows become files before a visitor has read the first lines.
    if (loaded.config.limits.memory_bytes >= app::kArchiveMemoryMin) {
      loaded.config.archive.url = "file:archive";
      loaded.config.archive.commit_every_us = kCommitEveryUs;
    }
    auto server = app::Server::start(loaded.config);
    bool is_taken = !server && server.error().number() == kErrorAddressTaken;
    if (!is_taken || any_port) return server;
  }
  return Error(Code::kInternal, "not reached");
}

std::string lines_to_paste(const app::Addresses& addresses, const std::string& id) {
  std::error_code failed;
  std::string binary = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed) binary = "freshet";
  std::string url = "http://" + addresses.http;
  std::string text = "\nTry, in another terminal:\n\n";
  text += fmt::format(
      "  python3 -c \"import boto3; print(boto3.client('dynamodb', region_name='us-east-1', "
      "aws_access_key_id='demo', aws_secret_access_key='demo', endpoint_url='http://{}')"
      ".get_item(TableName='detections', Key={{'detection_id': {{'S': '{}'}}}})['Item'])\"\n\n",
      addresses.aws, id);
  text += fmt::format(
      "  curl -s {}/v1/sql -H 'Content-Type: application/json' -H 'Accept: text/csv' -d "
      "'{{\"sql\":\"SELECT location_id, count(*) AS events FROM detections GROUP BY ALL ORDER BY "
      "events DESC LIMIT 5\"}}'\n\n",
      url);
  text += fmt::format(
      "  {} sql --server {} \"SELECT item_name, count(*) AS events, avg(confidence) AS confidence "
      "FROM detections GROUP BY ALL ORDER BY events DESC\"\n\n",
      binary, url);
  text += fmt::format("  {} archive ls --server {}\n\n", binary, url);
  text += fmt::format("  {} explain --server {} {}\n\n", binary, url, id);
  text += fmt::format("  {} tail --server {} \"item_name = 'truck' AND confidence > 0.9\"\n\n",
                      binary, url);
  return text;
}

class Demo {
 public:
  Demo(Output& output, const app::Addresses& addresses, Publisher publisher, ServerClient client,
       double rate, std::uint64_t seconds)
      : output_(output),
        addresses_(addresses),
        publisher_(std::move(publisher)),
        client_(std::move(client)),
        rate_(rate),
        seconds_(seconds) {}

  Status run() {
    std::int64_t begin_us = monotonic_us(), last_us = begin_us;
    status_us_ = begin_us;
    while (!interrupted()) {
      std::int64_t now_us = monotonic_us();
      if (seconds_ > 0 && now_us - begin_us >= static_cast<std::int64_t>(seconds_) * 1'000'000) {
        break;
      }
      double busy = day_rhythm(kDayBeginUs + now_us - begin_us, kDayUs);
      FRESHET_TRY_STATUS(
          publisher_.publish(rate_ * busy * static_cast<double>(now_us - last_us) / 1e6));
      last_us = now_us;
      if (!has_lines_ && !publisher_.last_id().empty()) {
        output_.write(lines_to_paste(addresses_, publisher_.last_id()));
        output_.flush();
        has_lines_ = true;
      }
      FRESHET_TRY_STATUS(show_status());
      wait_for_interrupt_us(kTickUs - std::min(kTickUs, monotonic_us() - now_us));
    }
    return ok();
  }

  std::string summary() {
    auto account = ask_account(client_);
    if (!account) return fmt::format("published {} events", publisher_.sent());
    return fmt::format("published {} events: {} rows, {} duplicates, {} refused", publisher_.sent(),
                       account->accepted, account->duplicate, account->refused);
  }

 private:
  Status show_status() {
    std::int64_t now_us = monotonic_us();
    std::int64_t interval_us = output_.stderr_is_terminal() ? kStatusUs : kQuietStatusUs;
    if (now_us - status_us_ < interval_us) return ok();
    double per_second = static_cast<double>(publisher_.sent() - status_sent_) * 1e6 /
                        static_cast<double>(now_us - status_us_);
    status_us_ = now_us;
    status_sent_ = publisher_.sent();
    FRESHET_TRY(Account account, ask_account(client_));
    std::string line =
        fmt::format("{:.0f} events/s  rows {}  duplicates {}  dead {}  ack p50 {:.1f} ms",
                    per_second, account.accepted, account.duplicate, account.refused,
                    static_cast<double>(publisher_.take_p50_us()) / 1e3);
    if (output_.quiet()) return ok();
    if (output_.stderr_is_terminal()) {
      output_.status_line(line);
    } else {
      output_.note(line);
    }
    return ok();
  }

  Output& output_;
  app::Addresses addresses_;
  Publisher publisher_;
  ServerClient client_;
  double rate_;
  std::uint64_t seconds_;
  bool has_lines_ = false;
  std::int64_t status_us_ = 0;
  std::uint64_t status_sent_ = 0;
};

struct Options {
  std::uint64_t rate = 0, seed = 0, seconds = 0;
};

Status run_in(Output& output, const std::string& directory, const Options& options) {
  FRESHET_TRY(std::string config_file, write_fleet_files(directory));
  FRESHET_TRY(auto server, start_server(config_file, directory + "/data"));
  app::Addresses addresses = server->addresses();
  output.note(fmt::format("AWS door http://{}  HTTP API http://{}  folder {}", addresses.aws,
                          addresses.http, directory));
  output.note(
      "48 cameras at 6 sites publish through the Kinesis door; a day passes in ten minutes. "
      "Ctrl-C ends.");
  FRESHET_TRY(auto aws, AwsClient::open(addresses.aws, AwsClient::kKinesis, {"demo", "demo", {}},
                                        "us-east-1"));
  FRESHET_TRY(ServerClient client, ServerClient::open_address(addresses.http, 30'000'000));
  GeneratorConfig generator;
  generator.seed = options.seed;
  Demo demo(output, addresses, Publisher(std::move(aws), generator), std::move(client),
            static_cast<double>(options.rate), options.seconds);
  FRESHET_TRY_STATUS(demo.run());
  output.note(demo.summary());
  server->stop();
  return ok();
}

}  // namespace

Result<ExitCode> run_demo(const Invocation& invocation) {
  Output& output = invocation.output();
  if (!output.verbose()) set_log_level(LogLevel::kWarning);
  Options options;
  FRESHET_TRY(options.rate, count_of(invocation, "rate", 2000));
  FRESHET_TRY(options.seed, count_of(invocation, "seed", 1));
  if (invocation.has("seconds")) {
    FRESHET_TRY(options.seconds, count_of(invocation, "seconds", 1));
  }
  if (auto directory = invocation.value("directory")) {
    std::error_code failed;
    std::filesystem::create_directories(*directory, failed);
    if (failed || !std::filesystem::is_empty(*directory, failed)) {
      return usage_error(fmt::format("{} is not an empty folder", *directory));
    }
    FRESHET_TRY_STATUS(run_in(output, *directory, options));
    return ExitCode::kOk;
  }
  FRESHET_TRY(TemporaryFolder folder, TemporaryFolder::make(""));
  if (invocation.has("keep")) folder.keep();
  FRESHET_TRY_STATUS(run_in(output, folder.path(), options));
  if (invocation.has("keep")) output.note(fmt::format("the folder stays: {}", folder.path()));
  return ExitCode::kOk;
}

}  // namespace freshet::cli
