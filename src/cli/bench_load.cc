#include "cli/bench_load.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "cli/aws_client.h"
#include "cli/generator.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/put_records_body.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kBodies = 4;  // a connection
constexpr int kErrorsMax = 100;     // a connection; then it gives up
constexpr std::int64_t kBackoffUs = 2'000;

std::int64_t monotonic_us() {
  return io::system_clock().monotonic_ns() / 1000;
}

void sleep_until_us(std::int64_t us) {
  timespec at{us / 1'000'000, us % 1'000'000 * 1000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

// What the connections share.
struct Plan {
  const LoadConfig& config;
  std::int64_t begin_us;
  std::atomic<std::uint64_t> next_request{0};

  // The number of the next request and when to send it; false when the load is over.
  bool take(std::uint64_t& number, std::int64_t& at_us) {
    number = next_request.fetch_add(1);
    double per_request =
        config.rate > 0 ? static_cast<double>(config.batch) * 1e6 / config.rate : 0;
    at_us = begin_us + static_cast<std::int64_t>(per_request * static_cast<double>(number));
    if (config.rate <= 0) at_us = monotonic_us();
    bool is_enough = config.events_max > 0 && number * config.batch >= config.events_max;
    bool is_late =
        config.seconds > 0 && static_cast<double>(at_us - begin_us) >= config.seconds * 1e6;
    return !is_enough && !is_late && !interrupted();
  }

  // How long ago the events of a request are said to have been.
  std::int64_t age_us(std::uint64_t number) const {
    if (config.span_us == 0) return 0;
    double share =
        static_cast<double>(number * config.batch) / static_cast<double>(config.events_max);
    return static_cast<std::int64_t>(static_cast<double>(config.span_us) * (1 - share));
  }
};

class Connection {
 public:
  Connection(Plan& plan, std::size_t index) : plan_(plan) {
    GeneratorConfig generator_config;
    generator_config.seed = plan.config.seed * 1000 + index;
    generator_config.retry_share = generator_config.malformed_share = 0;
    generator_config.event_bytes = plan.config.event_bytes;
    EventGenerator generator(generator_config);
    for (std::size_t body = 0; body < kBodies; ++body) {
      std::vector<GeneratedEvent> events;
      for (std::size_t i = 0; i < plan.config.batch; ++i) {
        events.push_back(generator.next(io::system_clock().wall_us()));
      }
      bodies_.emplace_back(plan.config.stream, events);
    }
  }

  void run() {
    auto client = AwsClient::open(plan_.config.address, AwsClient::kKinesis,
                                  credential_of_environment(), region_of_environment());
    if (!client) return note_error(client.error().to_string());
    std::uint64_t number = 0;
    std::int64_t at_us = 0;
    while (result.errors < kErrorsMax && plan_.take(number, at_us)) {
      if (plan_.config.rate > 0) sleep_until_us(at_us);
      PutRecordsBody& body = bodies_[number % kBodies];
      body.renew(number, io::system_clock().wall_us() - plan_.age_us(number));
      if (!put(**client, body)) continue;
      std::int64_t now_us = monotonic_us();
      result.acknowledged.add_us(now_us - at_us);
      result.events += body.count();
      auto second = static_cast<std::size_t>((now_us - plan_.begin_us) / 1'000'000);
      if (result.by_second.size() <= second) result.by_second.resize(second + 1);
      result.by_second[second] += body.count();
      remember_ids(body, number);
    }
  }

  LoadResult result;

 private:
  // Sends until every record is acknowledged.
  bool put(AwsClient& client, const PutRecordsBody& body) {
    std::vector<std::size_t> left;
    for (;;) {
      std::string text = client.take_body();
      if (left.empty()) {
        text = body.text();
      } else {
        text = body.only(left);
      }
      ++result.requests;
      auto answer = client.call("PutRecords", std::move(text));
      if (!answer) return note_error(answer.error().to_string()), false;
      if (answer->status != 200) {
        Error error = aws_error_of(*answer);
        if (error.code() != Code::kThrottled) return note_error(error.to_string()), false;
        result.throttled += left.empty() ? body.count() : left.size();
      } else if (answer->body.find("\"FailedRecordCount\":0") != std::string::npos) {
        return true;
      } else if (!take_failed(answer->body, body.count(), left)) {
        return false;
      }
      if (interrupted()) return false;
      sleep_until_us(monotonic_us() + kBackoffUs);
    }
  }

  // Leaves in `left` the records that failed.
  bool take_failed(const std::string& text, std::size_t count, std::vector<std::size_t>& left) {
    auto parsed = parse_json(text);
    if (!parsed) return note_error(parsed.error().to_string()), false;
    const auto& records = (*parsed)["Records"].items;
    std::vector<std::size_t> sent = left;
    if (sent.empty()) {
      for (std::size_t i = 0; i < count; ++i) sent.push_back(i);
    }
    if (records.size() != sent.size()) return note_error("PutRecords: wrong count"), false;
    left.clear();
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (records[i]["ErrorCode"].kind != JsonValue::Kind::kNull) left.push_back(sent[i]);
    }
    result.throttled += left.size();
    return true;
  }

  void remember_ids(const PutRecordsBody& body, std::uint64_t number) {
    if (plan_.config.ids_kept == 0) return;
    std::size_t share = plan_.config.ids_kept / plan_.config.connections + 1;
    // Every request gives one, so that they are spread; the first ones more, until there are
    // enough.
    std::size_t wanted = result.ids.size() < share ? std::min<std::size_t>(body.count(), 16) : 1;
    for (std::size_t i = 0; i < wanted; ++i) {
      std::string id = body.id((number * 31 + i * 7) % body.count(), number);
      if (result.ids.size() < share) {
        result.ids.push_back(std::move(id));
      } else {
        result.ids[number % share] = std::move(id);
      }
    }
  }

  void note_error(std::string text) {
    ++result.errors;
    if (result.first_error.empty()) result.first_error = std::move(text);
  }

  Plan& plan_;
  std::vector<PutRecordsBody> bodies_;
};

void merge(LoadResult& into, LoadResult& from) {
  into.events += from.events;
  into.requests += from.requests;
  into.throttled += from.throttled;
  into.errors += from.errors;
  if (into.first_error.empty()) into.first_error = from.first_error;
  into.acknowledged.merge(from.acknowledged);
  if (into.by_second.size() < from.by_second.size()) into.by_second.resize(from.by_second.size());
  for (std::size_t i = 0; i < from.by_second.size(); ++i) into.by_second[i] += from.by_second[i];
  std::move(from.ids.begin(), from.ids.end(), std::back_inserter(into.ids));
}

}  // namespace

Result<LoadResult> run_load(const LoadConfig& config) {
  Plan plan{config, 0};
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < config.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(plan, i));
  }
  plan.begin_us = monotonic_us();
  std::vector<std::thread> threads;
  for (auto& connection : connections) {
    threads.emplace_back([&connection] { connection->run(); });
  }
  for (std::thread& thread : threads) thread.join();
  LoadResult result;
  result.seconds = static_cast<double>(monotonic_us() - plan.begin_us) / 1e6;
  for (auto& connection : connections) merge(result, connection->result);
  if (result.events == 0) {
    return Error(Code::kUnavailable,
                 fmt::format("nothing was acknowledged: {}", result.first_error));
  }
  return result;
}

}  // namespace freshet::cli
