// A door over real hot tables, asked in JSON. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aws/document.h"
#include "common/memory_budget.h"
#include "io/executor.h"
#include "server/dynamodb/door.h"
#include "server/gate/principal.h"

namespace freshet::gate {

struct TestPrincipal {
  static Principal allowing(std::vector<AllowRule> rules) {
    return Principal("tester", std::make_shared<const std::vector<AllowRule>>(std::move(rules)),
                     false);
  }
};

}  // namespace freshet::gate

namespace freshet::dynamodb {

// An event as a test writes it. Ids are numbers: the UUID 00000000-0000-0000-0000-<number>.
struct TestRow {
  std::uint64_t id = 0;
  std::optional<std::string> camera = "c1";
  std::optional<std::int64_t> time_us = 0;
  std::optional<double> confidence = {};
  std::optional<std::string> location = {};
  std::optional<std::string> item = "car";
  std::optional<Box> box = {};
  std::optional<std::string> id_text = {};
  std::optional<std::string> raw = {};
  std::optional<std::string> attributes = {};
};

// A table service with the one table "detections" (and "detections$dead", which has no id).
class FakeTables : public pipeline::TableService {
 public:
  explicit FakeTables(std::uint32_t chunk_rows);

  void append(const std::vector<TestRow>& rows);
  void trim(hot::RowNumber begin) { table_.trim(begin); }

  std::vector<pipeline::TableInfo> tables() override;
  std::optional<pipeline::TableInfo> find(std::string_view table) override;
  std::optional<pipeline::Cut> cut(std::string_view) override { return std::nullopt; }
  std::optional<hot::Snapshot> snapshot(std::string_view table) override;
  Result<std::optional<hot::RowNumber>> find_row(std::string_view table,
                                                 std::string_view id) override;
  bool wait_for(std::string_view, Position, std::int64_t) override { return true; }

 private:
  MemoryBudget budget_{std::uint64_t{1} << 30};
  hot::Table table_;
  std::map<std::string, hot::RowNumber, std::less<>> rows_;
};

std::string test_id(std::uint64_t id);

struct TestAnswer {
  int status = 0;
  std::string text;
  aws::Document body;
  std::map<std::string, std::string> headers;

  // "ValidationException: message" of an error, "" of a good answer.
  std::string error() const;
  // The member at a path such as "Item.camera_id.S", or null.
  const aws::Document* at(std::string_view path) const;
  std::string text_at(std::string_view path) const;
  // The detection ids of Items, as numbers, in order.
  std::vector<std::uint64_t> ids() const;
};

class DoorTest : public testing::Test {
 protected:
  explicit DoorTest(std::uint32_t chunk_rows = 4) : tables_(chunk_rows) {}
  TestAnswer ask(const std::string& operation, const std::string& json);
  // All pages of a query or scan, following LastEvaluatedKey; `json` without its closing brace.
  std::vector<std::uint64_t> ask_all(const std::string& operation, const std::string& json,
                                     int pages_max = 1000);

  FakeTables tables_;
  io::InlineExecutor workers_;
  DynamoDbDoor door_{{}, tables_, workers_};
  gate::Principal principal_ = gate::TestPrincipal::allowing({{"dynamodb:*", "table/*"}});
};

}  // namespace freshet::dynamodb
