#include "pipeline/reference_table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "event/position.h"
#include "io/random.h"
#include "pipeline/reference_format.h"

namespace freshet::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Schema kSchema{{{"location_id", ColumnType::kText},
                      {"name", ColumnType::kText},
                      {"lat", ColumnType::kDouble},
                      {"capacity", ColumnType::kInt64}}};

ColumnBatch two_rows() {
  ColumnBatch rows(kSchema);
  rows.columns[0].append(std::string_view("gate-1"));
  rows.columns[1].append(std::string_view("North gate"));
  rows.columns[2].append(52.5);
  rows.columns[3].append(std::int64_t{40});
  rows.columns[0].append(std::string_view("gate-2"));
  rows.columns[1].append_null();
  rows.columns[2].append_null();
  rows.columns[3].append(std::int64_t{-1});
  return rows;
}

std::shared_ptr<const ReferenceTable> table_of(const Schema& schema, const ColumnBatch& rows,
                                               std::string name = "locations") {
  auto table = ReferenceTable::make(std::move(name), "location_id", schema, rows);
  EXPECT_TRUE(table.has_value()) << table.error().to_string();
  return *table;
}

void expect_refused(const Schema& schema, const ColumnBatch& rows, int number,
                    std::string_view words, std::string key = "location_id") {
  auto table = ReferenceTable::make("places", std::move(key), schema, rows);
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code(), Code::kInvalid);
  EXPECT_EQ(table.error().number(), number) << table.error().message();
  EXPECT_THAT(table.error().message(), HasSubstr("places"));
  EXPECT_THAT(table.error().message(), HasSubstr(std::string(words)));
}

TEST(ReferenceTableTest, finds_rows_by_key_and_owns_its_texts) {
  std::shared_ptr<const ReferenceTable> table;
  {
    std::string text(100, 'x');
    ColumnBatch rows = two_rows();
    rows.columns[1].set(1, std::string_view(text));
    table = table_of(kSchema, rows);
  }
  EXPECT_EQ(table->name(), "locations");
  EXPECT_EQ(table->key_column(), "location_id");
  EXPECT_EQ(table->row_count(), 2u);
  ASSERT_EQ(table->find("gate-2"), 1u);
  EXPECT_EQ(table->find("gate-3"), std::nullopt);
  EXPECT_EQ(table->find(""), std::nullopt);
  EXPECT_EQ(table->rows().columns[1].get<std::string_view>(1), std::string(100, 'x'));
  EXPECT_GT(table->memory_bytes(), 150u);
}

TEST(ReferenceTableTest, finds_each_of_many_keys) {
  Schema schema{{{"location_id", ColumnType::kText}}};
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back(fmt::format("place {}", i));
  ColumnBatch rows(schema);
  for (const std::string& key : keys) rows.columns[0].append(std::string_view(key));
  auto table = table_of(schema, rows);
  for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(table->find(keys[i]), i);
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(table->find(fmt::format("none {}", i)).has_value());
}

TEST(ReferenceTableTest, refuses_bad_tables_and_says_where) {
  expect_refused(kSchema, two_rows(), 1301, "is it location_id?", "locationid");
  expect_refused(kSchema, two_rows(), 1302, "capacity is BIGINT", "capacity");
  ColumnBatch rows = two_rows();
  rows.columns[0].set_null(1);
  expect_refused(kSchema, rows, 1303, "row 2 has no location_id");
  rows.columns[0].set(1, std::string_view(""));
  expect_refused(kSchema, rows, 1303, "line 3");
  expect_refused(kSchema, ColumnBatch(kSchema), 1307, "no rows");
  Schema wide = kSchema;
  while (wide.columns.size() <= 256)
    wide.columns.push_back({fmt::format("c{}", wide.columns.size()), ColumnType::kBool});
  expect_refused(wide, ColumnBatch(wide), 1305, "257 columns");
  Schema twice{{{"location_id", ColumnType::kText}, {"Location_ID", ColumnType::kText}}};
  expect_refused(twice, ColumnBatch(twice), 1306, "location_id");
}

TEST(ReferenceTableTest, case07_a_key_that_is_there_twice_refuses_the_whole_table) {
  ColumnBatch rows = two_rows();
  rows.columns[0].set(1, std::string_view("gate-1"));
  expect_refused(kSchema, rows, 1304, "rows 1 and 2 have the same location_id \"gate-1\"");
}

TEST(ReferenceTableTest, known_tables_have_known_columns) {
  EXPECT_TRUE(check_known_reference("locations", kSchema).has_value());
  EXPECT_TRUE(check_known_reference("plates", {}).has_value());
  Status missing = check_known_reference("cameras", kSchema);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().number(), 1308);
  EXPECT_THAT(missing.error().message(), HasSubstr("camera_id"));
  Schema wrong{{{"camera_id", ColumnType::kText}, {"heading_deg", ColumnType::kBool}}};
  Status type = check_known_reference("cameras", wrong);
  ASSERT_FALSE(type.has_value());
  EXPECT_THAT(type.error().message(), HasSubstr("heading_deg is BOOLEAN, but must be DOUBLE"));
}

// All types, nulls in each.
std::shared_ptr<const ReferenceTable> every_type() {
  Schema schema{{{"location_id", ColumnType::kText}}};
  for (int type = 0; type <= static_cast<int>(ColumnType::kBlob); ++type)
    schema.columns.push_back({fmt::format("c{}", type), static_cast<ColumnType>(type)});
  ColumnBatch rows(schema);
  std::vector<std::string> keys{"a", "b", "c"};
  for (std::size_t row = 0; row < keys.size(); ++row) {
    rows.columns[0].append(std::string_view(keys[row]));
    for (std::size_t c = 1; c < rows.columns.size(); ++c) {
      ColumnVector& column = rows.columns[c];
      if (row == c % 3) {
        column.append_null();
      } else if (is_text(column.type())) {
        column.append(std::string_view("text\0with nul", 13));
      } else if (column.type() == ColumnType::kBool) {
        column.append(row == 1);
      } else {
        switch (column_type_bytes(column.type())) {
          case 1:
            column.append(std::uint8_t(200 + row));
            break;
          case 2:
            column.append(std::uint16_t(60'000 + row));
            break;
          case 4:
            column.append(std::uint32_t(1'078'530'011 + row));
            break;
          case 8:
            column.append(std::uint64_t(4'614'256'656'552'045'848 + row));
            break;
          default:
            column.append(EventId{1 + row, ~row});
        }
      }
    }
  }
  return table_of(schema, rows, "everything");
}

TEST(ReferenceTableTest, bytes_bring_back_the_same_table) {
  auto before = every_type();
  std::string bytes = before->to_bytes();
  auto after = ReferenceTable::from_bytes(bytes);
  ASSERT_TRUE(after.has_value()) << after.error().to_string();
  EXPECT_EQ((*after)->name(), "everything");
  EXPECT_EQ((*after)->schema(), before->schema());
  EXPECT_EQ((*after)->content_hash(), before->content_hash());
  EXPECT_EQ((*after)->to_bytes(), bytes);
}

TEST(ReferenceTableTest, no_damaged_byte_passes) {
  std::string bytes = every_type()->to_bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    auto table = ReferenceTable::from_bytes(damaged);
    ASSERT_FALSE(table.has_value()) << "byte " << at;
    ASSERT_EQ(table.error().number(), 1309);
    ASSERT_FALSE(ReferenceTable::from_bytes(std::string_view(bytes).substr(0, at)).has_value());
  }
  EXPECT_FALSE(ReferenceTable::from_bytes(bytes + '\0').has_value());
}

void reseal(std::string& bytes) {
  namespace format = reference_format;
  std::string_view all = bytes;
  std::uint32_t crc = crc32c(0, as_bytes_of(all.substr(format::kVersionAt, 4)));
  crc = crc32c(crc, as_bytes_of(all.substr(format::kBodyBytesAt)));
  store_le(bytes.data() + format::kCrcAt, crc);
}

// A checksum proves only that somebody computed it: what stands behind it is checked as well.
TEST(ReferenceTableTest, bytes_with_a_good_checksum_are_still_checked) {
  std::string whole = every_type()->to_bytes();
  io::SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      std::size_t at = reference_format::kHeaderBytes +
                       random.below(bytes.size() - reference_format::kHeaderBytes);
      bytes[at] = static_cast<char>(random.below(256));
      if (random.below(4) == 0) bytes.resize(at + 1);
    }
    store_le(bytes.data() + reference_format::kBodyBytesAt,
             static_cast<std::uint64_t>(bytes.size() - reference_format::kHeaderBytes));
    reseal(bytes);
    if (bytes != whole) {
      ASSERT_FALSE(ReferenceTable::from_bytes(bytes).has_value() &&
                   (*ReferenceTable::from_bytes(bytes))->to_bytes() != bytes);
    }
  }
  std::string newer = whole;
  newer[reference_format::kVersionAt] = 2;
  reseal(newer);
  auto table = ReferenceTable::from_bytes(newer);
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code(), Code::kUnsupported);
}

TEST(ReferenceTableTest, the_content_hash_is_of_what_the_table_says) {
  auto table = table_of(kSchema, two_rows());
  // Other order of columns and rows, other widths of numbers.
  Schema other{{{"capacity", ColumnType::kInt8},
                {"location_id", ColumnType::kText},
                {"lat", ColumnType::kFloat},
                {"name", ColumnType::kText}}};
  ColumnBatch rows(other);
  rows.columns[0].append(std::int8_t{-1});
  rows.columns[1].append(std::string_view("gate-2"));
  rows.columns[2].append_null();
  rows.columns[3].append_null();
  rows.columns[0].append(std::int8_t{40});
  rows.columns[1].append(std::string_view("gate-1"));
  rows.columns[2].append(52.5F);
  rows.columns[3].append(std::string_view("North gate"));
  EXPECT_EQ(table_of(other, rows)->content_hash(), table->content_hash());
  rows.columns[0].set(1, std::int8_t{41});
  EXPECT_NE(table_of(other, rows)->content_hash(), table->content_hash());
  EXPECT_NE(table_of(kSchema, two_rows(), "places")->content_hash(), table->content_hash());
}

TEST(ReferenceTableTest, diff_names_keys) {
  auto before = table_of(kSchema, two_rows());
  ColumnBatch rows = two_rows();
  rows.columns[3].set(0, std::int64_t{41});
  rows.columns[0].set(1, std::string_view("gate-9"));
  auto after = table_of(kSchema, rows);
  ReferenceDiff changes = diff(*before, *after);
  EXPECT_THAT(changes.added, ElementsAre("gate-9"));
  EXPECT_THAT(changes.removed, ElementsAre("gate-2"));
  EXPECT_THAT(changes.changed, ElementsAre("gate-1"));
  ReferenceDiff none = diff(*before, *before);
  EXPECT_TRUE(none.added.empty() && none.removed.empty() && none.changed.empty());
}

}  // namespace
}  // namespace freshet::pipeline
