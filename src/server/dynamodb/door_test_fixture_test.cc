#include "server/dynamodb/door_test_fixture.h"

#include <fmt/format.h>

#include <charconv>

#include "server/dynamodb/column_text.h"

namespace freshet::dynamodb {
namespace {

enum Column : std::size_t {
  kId,
  kCamera,
  kLocation,
  kItemName,
  kConfidence,
  kBox,
  kEventTime,
  kAttributes,
  kIdText,
  kRaw,
  kPosition,
  kIngestTime,
  kLate,
};

Schema test_schema() {
  return {{{"detection_id", ColumnType::kUuid},
           {"camera_id", ColumnType::kText},
           {"location_id", ColumnType::kText},
           {"item_name", ColumnType::kText},
           {"confidence", ColumnType::kDouble},
           {"bbox", ColumnType::kBox},
           {"event_time", ColumnType::kTimestamp},
           {"attributes", ColumnType::kText},
           {"id_text", ColumnType::kText},
           {"raw", ColumnType::kBlob},
           {"position", ColumnType::kUInt64},
           {"ingest_time", ColumnType::kTimestamp},
           {"late", ColumnType::kBool}}};
}

hot::TableConfig test_config(std::uint32_t chunk_rows) {
  return {"detections", test_schema(), {kCamera, kLocation}, kEventTime, chunk_rows};
}

pipeline::TableInfo test_info() {
  return {"detections",         "camera-events",      "main", test_schema(), kId, kEventTime,
          {kCamera, kLocation}, 1'700'000'000'000'000};
}

template <typename T, typename Given>
void append_optional(ColumnVector& column, const std::optional<Given>& value) {
  if (value) {
    column.append(T(*value));
  } else {
    column.append_null();
  }
}

}  // namespace

FakeTables::FakeTables(std::uint32_t chunk_rows) : table_(test_config(chunk_rows), budget_) {}

void FakeTables::append(const std::vector<TestRow>& rows) {
  ColumnBatch batch(test_schema());
  hot::RowNumber next = table_.appended();
  for (const TestRow& row : rows) {
    auto& columns = batch.columns;
    columns[kId].append(EventId{0, row.id});
    append_optional<std::string_view>(columns[kCamera], row.camera);
    append_optional<std::string_view>(columns[kLocation], row.location);
    append_optional<std::string_view>(columns[kItemName], row.item);
    append_optional<double>(columns[kConfidence], row.confidence);
    append_optional<Box>(columns[kBox], row.box);
    append_optional<std::int64_t>(columns[kEventTime], row.time_us);
    append_optional<std::string_view>(columns[kAttributes], row.attributes);
    append_optional<std::string_view>(columns[kIdText], row.id_text);
    append_optional<std::string_view>(columns[kRaw], row.raw);
    columns[kPosition].append(std::uint64_t{next * 10});
    columns[kIngestTime].append(std::int64_t{1'700'000'000'000'000});
    columns[kLate].append(false);
    rows_[row.id_text ? *row.id_text : test_id(row.id)] = next++;
  }
  auto appended = table_.append(batch);
  ASSERT_TRUE(appended.has_value());
  table_.publish(table_.appended());
}

std::vector<pipeline::TableInfo> FakeTables::tables() {
  pipeline::TableInfo dead = test_info();
  dead.name = "detections$dead";
  dead.id_column.reset();
  return {test_info(), dead};
}

std::optional<pipeline::TableInfo> FakeTables::find(std::string_view table) {
  for (pipeline::TableInfo& info : tables()) {
    if (info.name == table) return info;
  }
  return std::nullopt;
}

std::optional<hot::Snapshot> FakeTables::snapshot(std::string_view table) {
  if (table != "detections") return std::nullopt;
  return table_.snapshot();
}

Result<std::optional<hot::RowNumber>> FakeTables::find_row(std::string_view, std::string_view id) {
  auto at = rows_.find(id);
  if (at == rows_.end() || at->second < table_.snapshot().begin())
    return std::optional<hot::RowNumber>();
  return std::optional(at->second);
}

std::string test_id(std::uint64_t id) {
  return uuid_text({0, id});
}

std::string TestAnswer::error() const {
  std::string type = text_at("__type");
  if (type.empty()) return "";
  return type.substr(type.find('#') + 1) + ": " + text_at("message");
}

const aws::Document* TestAnswer::at(std::string_view path) const {
  const aws::Document* found = &body;
  while (found && !path.empty()) {
    std::size_t dot = std::min(path.find('.'), path.size());
    std::string_view name = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    std::size_t index = 0;
    if (found->items() &&
        std::from_chars(name.data(), name.data() + name.size(), index).ec == std::errc()) {
      found = index < found->items()->size() ? &(*found->items())[index] : nullptr;
    } else {
      found = found->find(name);
    }
  }
  return found;
}

std::string TestAnswer::text_at(std::string_view path) const {
  const aws::Document* found = at(path);
  return found && found->text() ? *found->text() : "";
}

std::vector<std::uint64_t> TestAnswer::ids() const {
  std::vector<std::uint64_t> ids;
  const aws::Document* items = body.find("Items");
  for (std::size_t i = 0; items && i < items->items()->size(); ++i) {
    std::string id = text_at(fmt::format("Items.{}.detection_id.S", i));
    ids.push_back(std::stoull(id.substr(24), nullptr, 16));
  }
  return ids;
}

TestAnswer DoorTest::ask(const std::string& operation, const std::string& json) {
  gate::AwsRequest request;
  request.operation = operation;
  request.body = json;
  request.body.reserve(json.size() + 64);
  TestAnswer to;
  int answers = 0;
  door_.door().handle(principal_, std::move(request), [&](http::Response response) {
    ++answers;
    to.status = response.status;
    to.text = response.body;
    for (const http::Header& header : response.headers) to.headers[header.name] = header.value;
  });
  EXPECT_EQ(answers, 1);
  auto parsed = aws::parse_json(to.text);
  EXPECT_TRUE(parsed.has_value()) << to.text;
  if (parsed) to.body = *parsed;
  return to;
}

std::vector<std::uint64_t> DoorTest::ask_all(const std::string& operation, const std::string& json,
                                             int pages_max) {
  std::vector<std::uint64_t> ids;
  std::string start_key;
  for (int page = 0; page < pages_max; ++page) {
    TestAnswer answer = ask(operation, json + start_key + "}");
    EXPECT_EQ(answer.error(), "");
    for (std::uint64_t id : answer.ids()) ids.push_back(id);
    const aws::Document* last = answer.body.find("LastEvaluatedKey");
    if (!last) return ids;
    start_key = ",\"ExclusiveStartKey\":" + aws::write(*last, aws::Encoding::kJson);
  }
  ADD_FAILURE() << "more than " << pages_max << " pages";
  return ids;
}

}  // namespace freshet::dynamodb
