#include "io/disk.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/bytes.h"

namespace freshet::io {
namespace {

class DiskTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-disk-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
  Disk& disk_ = system_disk();
};

TEST_F(DiskTest, ReadsBackWhatWasWritten) {
  auto file = disk_.open(path("a"), OpenMode::kCreate);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE((*file)->write(10, as_bytes_of("hello")).has_value());
  ASSERT_TRUE((*file)->sync().has_value());
  EXPECT_EQ(*(*file)->size(), 15u);
  std::string content(20, '?');
  auto got = (*file)->read(8, std::as_writable_bytes(std::span(content)));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(*got, 7u);
  EXPECT_EQ(content.substr(0, 7), std::string("\0\0hello", 7));
}

TEST_F(DiskTest, CreateRefusesWhatExistsAndNamesIt) {
  ASSERT_TRUE(disk_.open(path("a"), OpenMode::kCreate).has_value());
  auto again = disk_.open(path("a"), OpenMode::kCreate);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), Code::kExists);
  EXPECT_NE(again.error().message().find(path("a")), std::string::npos);
}

TEST_F(DiskTest, AMissingFileIsNotFound) {
  for (OpenMode mode :
       {OpenMode::kRead, OpenMode::kDirectRead, OpenMode::kWrite, OpenMode::kDirectWrite}) {
    auto missing = disk_.open(path("none"), mode);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code(), Code::kNotFound);
  }
}

TEST_F(DiskTest, AFullDeviceIsNoSpaceInWords) {
  auto full = disk_.open("/dev/full", OpenMode::kWrite);
  if (!full.has_value()) GTEST_SKIP() << "no /dev/full here";
  Status status = (*full)->write(0, as_bytes_of("x"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Code::kNoSpace);
  EXPECT_NE(status.error().to_string().find("FRS-3001 cannot write /dev/full: No space left"),
            std::string::npos);
}

TEST_F(DiskTest, MakesFoldersWithTheirParents) {
  ASSERT_TRUE(disk_.make_directory(path("a/b/c")).has_value());
  ASSERT_TRUE(disk_.make_directory(path("a/b/c")).has_value());
  ASSERT_TRUE(disk_.open(path("a/file"), OpenMode::kCreate).has_value());
  EXPECT_FALSE(disk_.make_directory(path("a/file")).has_value());
  EXPECT_FALSE(disk_.make_directory(path("a/file/deeper")).has_value());
}

TEST_F(DiskTest, ListsRenamesAndRemoves) {
  for (const char* name : {"b", "a", "c"}) {
    ASSERT_TRUE(disk_.open(path(name), OpenMode::kCreate).has_value());
  }
  ASSERT_TRUE(disk_.rename(path("c"), path("d")).has_value());
  ASSERT_TRUE(disk_.remove(path("a")).has_value());
  ASSERT_TRUE(disk_.sync_directory(folder_).has_value());
  EXPECT_EQ(*disk_.list(folder_), (std::vector<std::string>{"b", "d"}));
  EXPECT_FALSE(disk_.remove(path("a")).has_value());
  EXPECT_FALSE(disk_.rename(path("a"), path("e")).has_value());
  EXPECT_FALSE(disk_.list(path("none")).has_value());
}

TEST_F(DiskTest, RenameNewReplacesNothing) {
  auto first = disk_.open(path("a"), OpenMode::kCreate);
  ASSERT_TRUE((*first)->write(0, as_bytes_of("first")).has_value());
  ASSERT_TRUE(disk_.open(path("b"), OpenMode::kCreate).has_value());
  Status refused = disk_.rename_new(path("b"), path("a"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kExists);
  EXPECT_EQ(disk_.look_at(path("a"))->bytes, 5u);
  ASSERT_TRUE(disk_.rename_new(path("a"), path("c")).has_value());
  EXPECT_EQ(*disk_.list(folder_), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(disk_.rename_new(path("none"), path("d")).error().code(), Code::kNotFound);
}

TEST_F(DiskTest, LookAtTellsFilesFromFolders) {
  ASSERT_TRUE(disk_.make_directory(path("folder")).has_value());
  auto file = disk_.open(path("file"), OpenMode::kCreate);
  ASSERT_TRUE((*file)->write(0, as_bytes_of("abc")).has_value());
  EXPECT_TRUE(disk_.look_at(path("folder"))->is_directory);
  auto facts = disk_.look_at(path("file"));
  ASSERT_TRUE(facts.has_value());
  EXPECT_FALSE(facts->is_directory);
  EXPECT_EQ(facts->bytes, 3u);
  EXPECT_GT(facts->modified_us, 1'700'000'000'000'000);
  EXPECT_EQ(disk_.look_at(path("none")).error().code(), Code::kNotFound);
}

TEST_F(DiskTest, TryLockIsFreeAgainWhenItsHolderIsGone) {
  auto held = disk_.try_lock(path("lock"));
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(disk_.try_lock(path("lock")).error().code(), Code::kExists);
  held->reset();
  EXPECT_TRUE(disk_.try_lock(path("lock")).has_value());
}

TEST_F(DiskTest, KnowsFreeSpace) {
  auto free = disk_.free_bytes(folder_);
  ASSERT_TRUE(free.has_value());
  EXPECT_GT(*free, 0u);
}

TEST_F(DiskTest, TruncateResizes) {
  auto file = disk_.open(path("a"), OpenMode::kCreate);
  ASSERT_TRUE((*file)->truncate(8192).has_value());
  EXPECT_EQ(*(*file)->size(), 8192u);
}

TEST_F(DiskTest, TheLockExcludesASecondHolderAndNamesTheFirst) {
  auto lock = DirectoryLock::acquire(path("lock"));
  ASSERT_TRUE(lock.has_value());
  auto second = DirectoryLock::acquire(path("lock"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), Code::kExists);
  EXPECT_NE(second.error().message().find("process " + std::to_string(getpid())),
            std::string::npos);
  {
    DirectoryLock released = *std::move(lock);
  }
  EXPECT_TRUE(DirectoryLock::acquire(path("lock")).has_value());
}

}  // namespace
}  // namespace freshet::io
