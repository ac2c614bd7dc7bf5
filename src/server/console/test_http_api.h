// The HTTP API over models of everything behind it, for tests.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/model_tables.h"
#include "server/console/http_api.h"

namespace freshet::console {

inline constexpr std::int64_t kNowUs = 1'795'341'600'000'000;

// Streams and a pipeline of a few lines: "again" in an event makes it a duplicate of the first,
// "bad" a refusal, "skip" filters it.
class ModelStreams : public pipeline::StreamService {
 public:
  explicit ModelStreams(query::ModelTables& tables) : tables_(tables) {}

  std::optional<pipeline::StreamInfo> find(std::string_view name) override {
    if (name != "detections" && name != "plain") return std::nullopt;
    pipeline::StreamInfo info;
    info.id = name == "detections" ? 1 : 2;
    info.name = name;
    info.record_bytes_max = 200;
    return info;
  }
  std::vector<std::string> list() override { return {"detections", "plain"}; }
  Result<pipeline::StreamInfo> create(std::string_view, std::uint32_t, pipeline::StreamMode,
                                      const std::map<std::string, std::string>&) override {
    return Error(Code::kUnsupported, "not here");
  }
  Status remove(std::string_view) override { return ok(); }
  Status split(std::string_view, PartitionId, HashKey) override { return ok(); }
  Status merge(std::string_view, PartitionId, PartitionId) override { return ok(); }
  Status update_partition_count(std::string_view, std::uint32_t) override { return ok(); }
  Status set_retention(std::string_view, std::int64_t) override { return ok(); }
  Status set_record_bytes_max(std::string_view, std::uint64_t) override { return ok(); }
  Status set_mode(std::string_view, pipeline::StreamMode) override { return ok(); }
  Status set_tags(std::string_view, const std::map<std::string, std::string>&) override {
    return ok();
  }
  void put(StreamId stream, EventBatch batch, pipeline::PutDone done) override {
    if (refuse_) return done(Error(Code::kThrottled, 3001, "the budget is full"));
    std::vector<pipeline::PutOutcome> outcomes;
    for (const EventRecord& record : batch.records) {
      keys.emplace_back(record.partition_key);
      position_ += 10;
      outcomes.push_back({0, Position{position_}});
      if (stream == 1) process(record.data);
    }
    tables_.publish(Position{position_});
    done(std::move(outcomes));
  }
  void read(StreamId, PartitionId, Position, std::size_t, std::size_t,
            pipeline::ReadDone done) override {
    done(pipeline::StoredRecords{});
  }
  Position latest(StreamId) override { return {}; }
  Position trim_horizon(StreamId) override { return {}; }
  Position position_at_time(StreamId, std::int64_t) override { return {}; }

  std::vector<std::string> keys;
  bool refuse_ = false;

 private:
  void process(std::string_view data) {
    auto append = [&](const char* table, auto... values) {
      ColumnBatch rows(tables_.find(table)->schema);
      std::size_t i = 0;
      (rows.columns[i++].append(values), ...);
      tables_.append(table, rows);
    };
    using Text = std::string_view;
    if (data.find("skip") != Text::npos) return;
    if (data.find("bad") != Text::npos)
      return append("detections$dead", position_, Text("schema"), Text("\"bad\" is not good"));
    if (data.find("again") != Text::npos)
      return append("detections$dupes", position_, std::uint64_t{10});
    append("detections", position_, std::uint32_t{0}, data, kNowUs);
  }

  query::ModelTables& tables_;
  std::uint64_t position_ = 0;
};

class ModelExplain : public ExplainService {
 public:
  Result<std::vector<EventFate>> explain(std::string_view id) override {
    if (id != "a b") return std::vector<EventFate>{};
    FateStep first{"accepted", Position{10}, 0, kNowUs, "shardId-000000000000", "", ""};
    FateStep again{"duplicate", Position{20}, 0, 0, "", "", ""};
    return std::vector<EventFate>{{"detections", {first, again}}};
  }
};

class ModelReferences : public ReferenceService {
 public:
  std::vector<std::string> names() override { return {"cameras", "locations"}; }
  Result<std::vector<ReferenceVersionInfo>> versions(std::string_view name) override {
    return std::vector<ReferenceVersionInfo>{{3, 255, std::string(name) + ".csv", kNowUs, 2, true}};
  }
  Result<std::shared_ptr<const pipeline::ReferenceTable>> load(std::string_view,
                                                               std::uint32_t) override {
    return Error(Code::kNotFound, 1310, "no version is in force");
  }
  Result<ReferenceChange> put(std::string_view, std::string_view file, const std::string& bytes,
                              bool only_compare) override {
    if (bytes.empty())
      return Error(Code::kInvalid, 1328, std::string(file) + ": the file is empty");
    return ReferenceChange{4, !only_compare, 2, {{"a"}, {}, {"b", "c"}}};
  }
};

// Two tables whose files and metadata are a few words.
class ModelArchive : public archive::ArchiveService {
 public:
  std::vector<archive::ArchivedTable> tables() override {
    std::vector<archive::ArchivedTable> all;
    for (const char* name : {"detections", "detections$dead"}) {
      archive::ArchivedTable table;
      table.name = name;
      table.iceberg_name = name;
      std::replace(table.iceberg_name.begin(), table.iceberg_name.end(), '$', '_');
      table.location = "file:///archive/" + table.iceberg_name;
      table.metadata_url = table.location + "/metadata/v" + std::to_string(version) + ".json";
      table.version = version;
      table.boundary = Position{1'099'511'627'776};
      table.files = 3;
      table.rows = 100;
      table.bytes = 4'096;
      all.push_back(std::move(table));
    }
    all[0].snapshot_id = 7'000'000'000'000'000'001;
    all[0].snapshots = 2;
    all[0].committed_us = kNowUs;
    for (const std::string& name : more_names) {
      all.emplace_back();
      all.back().name = all.back().iceberg_name = name;
    }
    return all;
  }
  Result<std::vector<archive::ArchivedFile>> files(std::string_view name) override {
    for (const archive::ArchivedTable& table : tables()) {
      if (table.name == name)
        return std::vector<archive::ArchivedFile>{{table.location + "/data/a.parquet", 60, 2'048},
                                                  {table.location + "/data/b.parquet", 40, 1'024}};
    }
    return Error(Code::kNotFound, 3830, "gone");
  }
  Result<archive::LoadedTable> load(std::string_view iceberg_name) override {
    ++loads;
    for (archive::ArchivedTable& table : tables()) {
      if (table.iceberg_name == iceberg_name)
        return archive::LoadedTable{std::move(table), "{\"format-version\" : 2,\n \"x\":1.50}"};
    }
    return Error(Code::kNotFound, 3830, "gone");
  }
  Result<archive::VerifyReport> verify(
      std::string_view name,
      const std::function<bool(std::uint64_t, std::uint64_t)>& progress) override {
    if (name == failing) return Error(Code::kUnavailable, 3700, "the store does not answer");
    if (!progress(1, 3)) return archive::VerifyReport{};
    if (while_verifying) while_verifying();
    archive::VerifyReport report{std::string(name), version, 3, 100, 4'096, {}};
    if (!progress(2, 3)) return archive::VerifyReport{};
    if (name == "detections$dead")
      report.damaged.push_back({"file:///archive/a\"b.parquet", "FRS-3812 its size is 7, not 9"});
    return report;
  }
  Result<archive::CompactReport> compact(std::string_view name) override {
    return archive::CompactReport{std::string(name), 3, 1, 100, 2};
  }
  Status flush() override { return flush_status; }

  std::int64_t version = 4;
  std::uint64_t loads = 0;
  std::string failing;
  std::vector<std::string> more_names;
  std::function<void()> while_verifying;
  Status flush_status;
};

// Refuses work when told to, or keeps it for later.
class ModelExecutor : public io::Executor {
 public:
  bool post(std::function<void()> work) override {
    if (full) return false;
    if (!keeps) {
      work();
    } else {
      kept.push_back(std::move(work));
    }
    return true;
  }
  void run_kept() {
    for (auto& work : std::exchange(kept, {})) work();
  }
  bool full = false, keeps = false;
  std::vector<std::function<void()>> kept;
};

class HttpApiTest : public testing::Test {
 protected:
  void SetUp() override {
    using T = ColumnType;
    tables_.add("detections",
                {{{"position", T::kUInt64},
                  {"sub_position", T::kUInt32},
                  {"text", T::kText},
                  {"event_time", T::kTimestamp}}},
                64);
    tables_.add("detections$dead",
                {{{"position", T::kUInt64}, {"reason", T::kText}, {"detail", T::kText}}}, 64);
    tables_.add("detections$dupes", {{{"position", T::kUInt64}, {"first_position", T::kUInt64}}},
                64);
    auto engine = query::Engine::open({}, tables_, clock_);
    ASSERT_TRUE(engine.has_value());
    engine_ = *std::move(engine);
    api_ = std::make_unique<HttpApi>(
        HttpApiParts{streams_, tables_, *engine_, explain_, references_, executor_, clock_, random_,
                     [](std::string_view) { return HashKey{7}; }, [this] { return health_; }});
  }

  static http::Request request(std::string method, std::string target, std::string body = "") {
    http::Request made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.body = std::move(body);
    made.headers = {{"host", "127.0.0.1:8080"}};
    made.peer = "127.0.0.1:5000";
    made.peer_is_loopback = true;
    return made;
  }
  http::Response send(http::Request sent) {
    std::optional<http::Response> answer;
    api_->handler()(std::move(sent), [&](http::Response response) {
      EXPECT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(response);
    });
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(http::Response{});
  }
  http::Response send(std::string method, std::string target, std::string body = "") {
    return send(request(std::move(method), std::move(target), std::move(body)));
  }
  static std::string header(const http::Response& response, std::string_view name) {
    for (const http::Header& one : response.headers) {
      if (one.name == name) return one.value;
    }
    return "";
  }
  void expect_error(const http::Response& response, int status, std::string_view code) {
    EXPECT_EQ(response.status, status) << response.body;
    simdjson::dom::parser parser;
    simdjson::dom::element error;
    ASSERT_EQ(parser.parse(response.body)["error"].get(error), simdjson::SUCCESS) << response.body;
    EXPECT_EQ(std::string_view(error["code"]), code) << response.body;
    EXPECT_FALSE(std::string_view(error["message"]).empty());
    EXPECT_EQ(std::string_view(error["request_id"]), header(response, "freshet-request-id"));
  }

  io::ManualClock clock_{kNowUs};
  io::SeededRandom random_{1};
  query::ModelTables tables_{"detections"};
  ModelStreams streams_{tables_};
  ModelExplain explain_;
  ModelReferences references_;
  ModelExecutor executor_;
  Status health_;
  std::unique_ptr<query::Engine> engine_;
  std::unique_ptr<HttpApi> api_;
};

}  // namespace freshet::console
