#include "sql/endless_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql/function_catalog.h"
#include "sql/transform_rewrite.h"

namespace freshet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Opened {
  std::unique_ptr<Database> database;
  std::unique_ptr<EndlessQuery> query;
};

Schema schema() {
  return {{{"kind", ColumnType::kText}, {"number", ColumnType::kUInt64}}};
}

// Of a text whose expressions give `types`.
Opened open_query(std::string_view sql, std::vector<ColumnType> types, bool sets_up = true) {
  Opened opened;
  auto database = Database::open({.locks_settings = false});
  EXPECT_TRUE(database.has_value());
  opened.database = std::move(*database);
  auto connection = opened.database->connect();
  EXPECT_TRUE(connection.has_value());
  if (sets_up) {
    EXPECT_TRUE(EndlessQuery::set_up(connection->get()).has_value());
  }
  auto functions = FunctionCatalog::read(connection->get());
  auto select = parse_query(connection->get(), sql, 1201);
  EXPECT_TRUE(functions.has_value() && select.has_value());
  auto rewritten = rewrite_select(std::move(*select), sql, schema(), *functions);
  EXPECT_TRUE(rewritten.has_value()) << rewritten.error().to_string();
  auto query =
      EndlessQuery::create(std::move(*connection), schema(), std::move(rewritten->node), types);
  EXPECT_TRUE(query.has_value()) << query.error().to_string();
  if (query) opened.query = std::move(*query);
  return opened;
}

// Row i has the number i; every third kind is "x", which is no number.
ColumnBatch batch_of(std::size_t rows) {
  ColumnBatch batch(schema());
  for (std::size_t i = 0; i < rows; ++i) {
    batch.columns[0].append(std::string_view(i % 3 == 2 ? "x" : "7"));
    batch.columns[1].append(std::uint64_t{i});
  }
  return batch;
}

std::vector<std::uint32_t> rows_of(const DataChunk& chunk, idx_t column) {
  const auto* first = static_cast<const std::uint32_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), column)));
  return {first, first + duckdb_data_chunk_get_size(chunk.get())};
}

TEST(EndlessQuery, GivesTheRowsOfEachBatchWhateverTheirNumber) {
  struct Case {
    const char* where;
    bool (*keeps)(std::size_t row);
  };
  for (const Case& c : {Case{"", [](std::size_t) { return true; }},
                        Case{"WHERE 1 = 1", [](std::size_t) { return true; }},
                        Case{"WHERE 1 = 2", [](std::size_t) { return false; }},
                        Case{"WHERE NULL", [](std::size_t) { return false; }},
                        Case{"WHERE number >= 100000", [](std::size_t) { return false; }},
                        Case{"WHERE number >= 0", [](std::size_t) { return true; }},
                        Case{"WHERE number < 64", [](std::size_t row) { return row < 64; }},
                        Case{"WHERE number IS NULL", [](std::size_t) { return false; }},
                        Case{"WHERE kind = 'x' OR number = 0",
                             [](std::size_t row) { return row % 3 == 2 || row == 0; }},
                        // The operands' order counts: the second fails for the others' kind.
                        Case{"WHERE kind <> 'x' AND CAST(kind AS INTEGER) = 7",
                             [](std::size_t row) { return row % 3 != 2; }},
                        // A marker has nulls, and must not come here.
                        Case{"WHERE CAST(coalesce(replace(kind, 'x', '7'), 'none') AS INTEGER) = 7",
                             [](std::size_t) { return true; }},
                        Case{"WHERE CASE WHEN kind = 'x' THEN false ELSE kind::INTEGER = 7 END",
                             [](std::size_t row) { return row % 3 != 2; }}}) {
    Opened opened = open_query(std::string("SELECT number + 1 AS more FROM batch ") + c.where,
                               {ColumnType::kUInt64});
    ASSERT_NE(opened.query, nullptr) << c.where;
    for (std::size_t rows : {1, 150, 62, 63, 64, 65, 66, 2, 1000, 500, 1, 127, 128, 129, 3}) {
      std::vector<std::uint32_t> expected;
      for (std::uint32_t row = 0; row < rows; ++row)
        if (c.keeps(row)) expected.push_back(row);
      auto chunk = opened.query->run(batch_of(rows));
      ASSERT_TRUE(chunk.has_value()) << c.where << ": " << chunk.error().to_string();
      ASSERT_EQ(rows_of(*chunk, 1), expected) << c.where << ", " << rows << " rows";
    }
  }
}

TEST(EndlessQuery, EvaluatesExpressionsForRowsThatPassAlone) {
  Opened opened = open_query(
      "SELECT CAST(concat('no ', 'number') AS BIGINT) AS n FROM batch WHERE number >= 10",
      {ColumnType::kInt64});
  ASSERT_NE(opened.query, nullptr);
  for (std::size_t rows : {10, 5, 10}) {
    auto chunk = opened.query->run(batch_of(rows));
    ASSERT_TRUE(chunk.has_value()) << chunk.error().to_string();
    EXPECT_THAT(rows_of(*chunk, 1), IsEmpty());
  }
  auto failed = opened.query->run(batch_of(11));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kInvalid);
}

TEST(EndlessQuery, BeginsAnewAfterAnErrorAndAfterManyRuns) {
  Opened opened = open_query("SELECT CAST(kind AS BIGINT) AS n FROM batch", {ColumnType::kInt64});
  ASSERT_NE(opened.query, nullptr);
  ColumnBatch good = batch_of(2);
  for (int i = 0; i < 25'000; ++i) {
    auto chunk = opened.query->run(good);
    ASSERT_TRUE(chunk.has_value()) << i << ": " << chunk.error().to_string();
    ASSERT_THAT(rows_of(*chunk, 1), ElementsAre(0, 1)) << i;
    if (i % 5'000 != 77) continue;
    auto failed = opened.query->run(batch_of(3));
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().number(), 1210);
    EXPECT_THAT(failed.error().message(), HasSubstr("'x'"));
  }
}

// As a DuckDB would that does not know the setting: rows are kept back, and the answer is none.
TEST(EndlessQuery, SaysSoWhereDuckDbKeepsRowsBack) {
  Opened opened = open_query("SELECT number + 1 AS more FROM batch WHERE number < 10",
                             {ColumnType::kUInt64}, false);
  ASSERT_NE(opened.query, nullptr);
  for (int i = 0; i < 3; ++i) {
    auto chunk = opened.query->run(batch_of(20));
    ASSERT_FALSE(chunk.has_value());
    EXPECT_EQ(chunk.error().code(), Code::kInternal);
  }
}

}  // namespace
}  // namespace freshet::sql
