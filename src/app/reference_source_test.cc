#include "app/reference_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/bytes.h"
#include "object_store/memory_store.h"

namespace freshet::app {
namespace {

using object_store::Fault;
using object_store::Operation;
using object_store::PutCondition;
using testing::HasSubstr;

constexpr std::string_view kOne = "camera_id,vendor\nc1,v1\n";
constexpr std::string_view kOther = "camera_id,vendor\nc1,v3\nc2,v3\n";
constexpr std::string_view kTwo = "camera_id,vendor\nc1,v2\nc2,v2\n";

class ObjectSourceTest : public testing::Test {
 protected:
  ObjectSourceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freshet_source_XXXXXX");
    folder_ = mkdtemp(pattern.data());
    auto store = std::make_unique<object_store::MemoryStore>();
    store_ = store.get();
    config_.name = "cameras";
    config_.from = "s3://bucket/deep/cameras.csv";
    config_.key = "camera_id";
    source_ =
        make_object_source(config_, std::move(store), "deep/cameras.csv", folder_ + "/work", 64);
  }
  ~ObjectSourceTest() override { std::filesystem::remove_all(folder_); }

  void put(std::string_view text) {
    auto put = store_->put("deep/cameras.csv", as_bytes_of(text), PutCondition::always());
    ASSERT_TRUE(put) << put.error().to_string();
  }
  // The number of rows, "unchanged", or the error.
  std::string read() {
    auto table = source_->read();
    bool is_clean =
        !std::filesystem::exists(folder_ + "/work") || std::filesystem::is_empty(folder_ + "/work");
    EXPECT_TRUE(is_clean);
    if (!table) return table.error().to_string();
    return *table ? std::to_string((*table)->row_count()) : "unchanged";
  }
  std::uint64_t calls() const { return store_->call_count(); }

  std::string folder_;
  ReferenceConfig config_;
  object_store::MemoryStore* store_ = nullptr;
  std::unique_ptr<ReferenceSource> source_;
};

TEST_F(ObjectSourceTest, IsReadAgainWhereItsEtagChanged) {
  put(kOne);
  EXPECT_EQ(read(), "1");
  EXPECT_EQ(read(), "1") << "what was read is not in force before it is settled";
  source_->settle();
  std::uint64_t before = calls();
  EXPECT_EQ(read(), "unchanged");
  EXPECT_EQ(calls(), before + 1) << "one look at the etag";
  put(kTwo);
  EXPECT_EQ(read(), "2");
}

TEST_F(ObjectSourceTest, WhatIsWrongIsSaidWithItsUrlAndOnce) {
  EXPECT_THAT(read(), testing::AllOf(HasSubstr("FRS-3703"), HasSubstr("deep/cameras.csv")));
  put("camera_id,vendor\nc1,v1\nc1,v2\n");
  EXPECT_THAT(read(), testing::AllOf(HasSubstr("FRS-13"), HasSubstr("s3://bucket/deep/cameras.csv"),
                                     testing::Not(HasSubstr(folder_))));
  EXPECT_EQ(read(), "unchanged");
  put("camera_id,vendor\nc1,v1\nc2");
  EXPECT_THAT(read(), testing::AllOf(HasSubstr("FRS-13"), HasSubstr(":3")));
  put(std::string(65, 'x'));
  EXPECT_THAT(read(),
              testing::AllOf(HasSubstr("FRS-1333"), HasSubstr("s3://bucket/deep/cameras.csv")));
  EXPECT_EQ(read(), "unchanged");
  put(kOne);
  EXPECT_EQ(read(), "1");
}

TEST_F(ObjectSourceTest, AFaultAtAnyCallGivesNoTableAndIsTriedAgain) {
  put(kOne);
  for (std::uint64_t at = 1; at <= 3; ++at) {
    std::uint64_t calls = 0;
    store_->set_hook([&](const auto&) { return ++calls == at ? Fault::kRefuse : Fault::kNone; });
    EXPECT_THAT(read(), HasSubstr("FRS-3707")) << at;
    store_->set_hook({});
  }
  EXPECT_EQ(read(), "1");
}

// Another version comes between the look at the etag and the bytes.
TEST_F(ObjectSourceTest, NeverTakesAnotherVersionThanItLookedAt) {
  put(kTwo);
  bool changed = false;
  std::string_view other = kOther;
  store_->set_hook([&](const object_store::StoreCall& call) {
    if (call.operation == Operation::kGet && !changed) {
      changed = true;
      put(other);
    }
    return Fault::kNone;
  });
  EXPECT_THAT(read(), HasSubstr("FRS-1334"));
  // Shorter, what was announced cannot come.
  changed = false;
  put(kTwo);
  other = kOne;
  EXPECT_THAT(read(), HasSubstr("FRS-1334"));
  store_->set_hook({});
  EXPECT_EQ(read(), "1");
}

}  // namespace
}  // namespace freshet::app
