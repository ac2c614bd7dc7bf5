// What only a folder does: files that others read, leftovers, the lock, files in the way.
#include "object_store/local_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/bytes.h"

namespace freshet::object_store {
namespace {

namespace fs = std::filesystem;

class LocalStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-local-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::unique_ptr<ObjectStore> open() {
    auto store = open_object_store("file://" + folder_ + "/store", settings_, machine_);
    EXPECT_TRUE(store.has_value()) << store.error().to_string();
    return *std::move(store);
  }
  std::string path(const std::string& rest) const { return folder_ + "/store/" + rest; }
  std::string folder_;
  Settings settings_;
  Machine machine_;
};

TEST_F(LocalStoreTest, ObjectsArePlainFiles) {
  auto store = open();
  ASSERT_TRUE(store->put("day=1/a b", as_bytes_of("hello"), {}).has_value());
  std::ifstream file(path("day=1/a b"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "hello");
  EXPECT_EQ(store->url_of("day=1/a b"), "file://" + folder_ + "/store/day=1/a b");
  EXPECT_TRUE(fs::is_empty(path(".freshet-temporary")));
}

TEST_F(LocalStoreTest, TheEtagIsOfTheContent) {
  auto store = open();
  std::string etag = store->put("x", as_bytes_of("one"), {})->etag;
  EXPECT_NE(store->put("x", as_bytes_of("two"), {})->etag, etag);
  EXPECT_EQ(store->put("y", as_bytes_of("one"), {})->etag, etag);
  EXPECT_EQ(store->head("y")->etag, etag);
}

TEST_F(LocalStoreTest, OpeningSweepsOldLeftoversAndSparesYoungOnes) {
  open();
  std::ofstream(path(".freshet-temporary/old")) << "x";
  std::ofstream(path(".freshet-temporary/young")) << "x";
  auto two_hours_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  fs::last_write_time(path(".freshet-temporary/old"), two_hours_ago);
  auto store = open();
  EXPECT_FALSE(fs::exists(path(".freshet-temporary/old")));
  EXPECT_TRUE(fs::exists(path(".freshet-temporary/young")));
  EXPECT_TRUE(store->list("")->empty());
}

TEST_F(LocalStoreTest, AnObjectAndAFolderOfOneNameCannotBe) {
  auto store = open();
  ASSERT_TRUE(store->put("a", as_bytes_of("1"), {}).has_value());
  ASSERT_TRUE(store->put("b/c", as_bytes_of("1"), {}).has_value());
  for (const PutCondition& condition : {PutCondition::always(), PutCondition::if_absent()}) {
    for (const char* name : {"a/b", "a/b/c", "b"}) {
      auto refused = store->put(name, as_bytes_of("2"), condition);
      ASSERT_FALSE(refused.has_value()) << name;
      EXPECT_EQ(refused.error().number(), 3711) << refused.error().to_string();
    }
  }
  EXPECT_TRUE(store->remove("b").has_value());
  EXPECT_TRUE(store->remove("a/b").has_value());
  EXPECT_EQ(store->list("")->size(), 2u);
  EXPECT_TRUE(fs::is_empty(path(".freshet-temporary")));
}

TEST_F(LocalStoreTest, ALockThatStaysTakenEndsInATimeoutThatSaysWho) {
  settings_.lock_wait_us = 2000;
  auto store = open();
  auto held = io::system_disk().try_lock(path(".freshet-lock"));
  ASSERT_TRUE(held.has_value());
  auto refused = store->put("x", as_bytes_of("1"), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kTimeout);
  EXPECT_EQ(refused.error().number(), 3708);
  EXPECT_NE(refused.error().message().find("process " + std::to_string(getpid())),
            std::string::npos);
  EXPECT_FALSE(store->remove("x").has_value());
  // A new name needs no lock.
  EXPECT_TRUE(store->put("y", as_bytes_of("1"), PutCondition::if_absent()).has_value());
  held->reset();
  EXPECT_TRUE(store->put("x", as_bytes_of("1"), {}).has_value());
}

TEST_F(LocalStoreTest, TwoStoresOfOneFolderShareTheRaces) {
  auto first = open();
  auto second = open();
  ASSERT_TRUE(first->put("x", as_bytes_of("1"), PutCondition::if_absent()).has_value());
  EXPECT_FALSE(second->put("x", as_bytes_of("2"), PutCondition::if_absent()).has_value());
  EXPECT_EQ(*second->get("x"), "1");
}

TEST_F(LocalStoreTest, AFolderThatIsGoneIsNotAnEmptyOne) {
  auto store = open();
  fs::remove_all(folder_ + "/store");
  auto listed = store->list("");
  ASSERT_FALSE(listed.has_value());
  EXPECT_EQ(listed.error().number(), 3002);
}

TEST_F(LocalStoreTest, GetRefusesWhatIsTooLargeForIt) {
  settings_.get_bytes_max = 4;
  auto store = open();
  ASSERT_TRUE(store->put("x", as_bytes_of("12345"), {}).has_value());
  EXPECT_EQ(store->get("x").error().number(), 3710);
  EXPECT_EQ(*store->get_range("x", 1, 4), "2345");
}

TEST_F(LocalStoreTest, UrlsNameFolders) {
  settings_.base_folder = folder_;
  auto relative = open_object_store("file:archive", settings_);
  ASSERT_TRUE(relative.has_value()) << relative.error().to_string();
  EXPECT_EQ((*relative)->root_url(), "file://" + folder_ + "/archive/");
  auto dotted = open_object_store("file://" + folder_ + "/x/../y/", settings_);
  EXPECT_EQ((*dotted)->root_url(), "file://" + folder_ + "/y/");
  for (const char* bad :
       {"", "archive", "file:", "file:/a", "file://host/a", "file:///", "ftp://x"}) {
    auto refused = open_object_store(bad, settings_);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().number(), 3702) << bad;
  }
}

}  // namespace
}  // namespace freshet::object_store
