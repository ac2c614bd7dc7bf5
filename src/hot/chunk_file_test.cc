#include "hot/chunk_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "hot/table.h"
#include "io/random.h"

namespace freshet::hot {
namespace {

constexpr std::size_t kCamera = 0, kTime = 1, kNote = 2;

TableConfig config() {
  TableConfig config;
  config.name = "t";
  config.schema.columns = {
      {"camera", ColumnType::kText}, {"time", ColumnType::kTimestamp}, {"note", ColumnType::kText}};
  config.key_columns = {kCamera};
  config.time_column = kTime;
  config.chunk_rows = 100;
  return config;
}

class ChunkFileTest : public testing::Test {
 protected:
  ChunkFileTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("freshet-chunks-" + std::to_string(io::system_random().next_u64()));
    std::filesystem::create_directory(folder_);
  }
  ~ChunkFileTest() override { std::filesystem::remove_all(folder_); }

  static void fill(Table& table, int from, int to) {
    ColumnBatch batch(table.config().schema);
    std::vector<std::string> texts;
    texts.reserve(static_cast<std::size_t>(to - from) * 2);
    for (int i = from; i < to; ++i) {
      texts.push_back("camera-" + std::to_string(i % 7));
      batch.columns[kCamera].append(std::string_view(texts.back()));
      batch.columns[kTime].append(std::int64_t{i} * 10);
      texts.push_back("note " + std::to_string(i));
      i % 3 == 0 ? batch.columns[kNote].append_null()
                 : batch.columns[kNote].append(std::string_view(texts.back()));
    }
    ASSERT_TRUE(table.append(batch).has_value());
    table.publish(table.appended());
  }

  std::vector<ChunkFile> write(Table& table) {
    std::vector<ChunkFile> files;
    for (const auto& chunk : table.seal().chunks) {
      auto file =
          write_chunk_file(disk_, folder_, "chunk-" + std::to_string(chunk->first_row()), *chunk);
      EXPECT_TRUE(file.has_value()) << file.error().to_string();
      files.push_back(*file);
    }
    return files;
  }

  // Everything a reader can ask for, in words.
  static std::string read_all(const Table& table) {
    Snapshot snapshot = table.snapshot();
    std::string text = std::to_string(snapshot.begin()) + "-" + std::to_string(snapshot.end());
    for (const ChunkView& chunk : snapshot.chunks()) {
      for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row) {
        text += "\n" + std::string(chunk.text_at(kCamera, row)) + " " +
                std::to_string(chunk.values_as<std::int64_t>(kTime)[row]) + " " +
                (chunk.is_valid(kNote, row) ? std::string(chunk.text_at(kNote, row)) : "NULL");
      }
      for (int camera = 0; camera < 7; ++camera) {
        auto code = chunk.find_key(kCamera, "camera-" + std::to_string(camera));
        text += "\nchain";
        if (!code) continue;
        for (std::uint32_t row = chunk.chain_last(kCamera, *code); row != kNoChainRow;
             row = chunk.chain_previous(kCamera, row))
          text += " " + std::to_string(chunk.first_row() + row);
      }
      text +=
          "\n" + std::to_string(chunk.min_time_us()) + " " + std::to_string(chunk.max_time_us());
    }
    return text;
  }

  io::Disk& disk_ = io::system_disk();
  MemoryBudget budget_{std::uint64_t{1} << 30};
  std::filesystem::path folder_;
};

TEST_F(ChunkFileTest, a_table_comes_back_from_its_files_and_goes_on) {
  std::string before;
  std::vector<ChunkFile> files;
  {
    Table table(config(), budget_);
    fill(table, 0, 350);
    table.trim(42);
    files = write(table);
    before = read_all(table);
    fill(table, 350, 700);  // what was sealed does not change any more
  }
  ASSERT_EQ(files.size(), 4u);
  for (const ChunkFile& file : files)
    EXPECT_TRUE(verify_chunk_file(disk_, folder_, file).has_value());
  Table table(config(), budget_);
  ASSERT_TRUE(table.restore(disk_, folder_, 42, 350, files).has_value());
  EXPECT_EQ(read_all(table), before);
  EXPECT_EQ(table.memory_bytes(), 0u);
  table.publish(350);
  fill(table, 350, 700);

  Table whole(config(), budget_);
  fill(whole, 0, 350);
  whole.seal();
  whole.trim(42);
  fill(whole, 350, 700);
  EXPECT_EQ(read_all(table), read_all(whole));
}

TEST_F(ChunkFileTest, rows_leave_memory_for_their_file_and_read_the_same) {
  Table table(config(), budget_);
  fill(table, 0, 500);
  std::vector<ChunkFile> files = write(table);
  fill(table, 500, 550);
  std::string before = read_all(table);
  std::uint64_t used = budget_.used_bytes();
  Snapshot held = table.snapshot();
  for (const ChunkFile& file : files)
    ASSERT_TRUE(table.move_to_file(disk_, folder_, file).has_value());
  EXPECT_EQ(read_all(table), before);
  EXPECT_EQ(budget_.used_bytes(), used);  // a reader still holds them
  held = {};
  EXPECT_LT(budget_.used_bytes(), used / 4);
  // A second time there is nothing to do; a chunk that was trimmed away is passed over.
  EXPECT_TRUE(table.move_to_file(disk_, folder_, files[0]).has_value());
  table.trim(200);
  EXPECT_TRUE(table.move_to_file(disk_, folder_, files[0]).has_value());
  fill(table, 550, 800);
  EXPECT_EQ(table.snapshot().row_count(), 600u);
}

TEST_F(ChunkFileTest, every_changed_or_cut_byte_is_found) {
  Table table(config(), budget_);
  fill(table, 0, 100);
  ChunkFile file = write(table).at(0);
  std::filesystem::path path = folder_ / file.name;
  std::uint64_t size = std::filesystem::file_size(path);
  auto flip = [&](std::uint64_t at) {
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    char byte = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(byte ^ 1));
  };
  std::mt19937_64 random(1);
  std::uint64_t heap = 0;  // where the texts begin: everything before is columns
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{4096}, file.chunk_bytes,
                           file.chunk_bytes + 40, heap + random() % 2048}) {
    flip(at);
    Status damaged = verify_chunk_file(disk_, folder_, file);
    ASSERT_FALSE(damaged.has_value()) << at;
    EXPECT_EQ(damaged.error().number(), 3304);
    EXPECT_THAT(damaged.error().message(), testing::HasSubstr(file.name));
    flip(at);
    ASSERT_TRUE(verify_chunk_file(disk_, folder_, file).has_value());
  }
  std::filesystem::resize_file(path, size - 1);
  EXPECT_EQ(verify_chunk_file(disk_, folder_, file).error().number(), 3304);
  std::filesystem::remove(path);
  EXPECT_EQ(verify_chunk_file(disk_, folder_, file).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace freshet::hot
