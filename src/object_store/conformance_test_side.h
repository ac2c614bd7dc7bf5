// The sides that the conformance suite runs on, and a store of a test's own on each. Tests only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "object_store/object_store.h"

namespace freshet::object_store {

// Names a bucket and a prefix that the suite may fill and empty: "s3://bucket/prefix". Endpoint,
// region and keys come from AWS's own variables.
inline constexpr const char* kS3UrlVariable = "FRESHET_TEST_S3_URL";

// What the server there is known not to do, in words of the suite, parted by blanks.
inline constexpr const char* kS3LacksVariable = "FRESHET_TEST_S3_LACKS";

inline bool s3_lacks(const std::string& what) {
  const char* lacks = ::getenv(kS3LacksVariable);
  return lacks != nullptr &&
         (" " + std::string(lacks) + " ").find(" " + what + " ") != std::string::npos;
}

inline std::string make_scratch_folder() {
  char folder[] = "/tmp/freshet-objects-XXXXXX";
  EXPECT_NE(mkdtemp(folder), nullptr);
  return folder;
}

// A store of one test, and what is to be cleared away after it.
class TestStore {
 public:
  TestStore(std::unique_ptr<ObjectStore> store, std::string prefix, std::string scratch_folder)
      : store_(std::move(store)),
        prefix_(std::move(prefix)),
        scratch_folder_(std::move(scratch_folder)) {}
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;
  ~TestStore() {
    auto left = store_->list(prefix_);
    EXPECT_TRUE(left.has_value()) << left.error().to_string();
    if (left) {
      for (const ObjectInfo& object : *left) EXPECT_TRUE(store_->remove(object.name).has_value());
    }
    std::filesystem::remove_all(scratch_folder_);
  }

  ObjectStore& store() { return *store_; }
  // A name of this test's own: an S3 bucket is shared with others.
  std::string name(const std::string& rest) const { return prefix_ + rest; }
  // A local file, for put_file.
  std::string write_file(const std::string& content) const {
    std::string path = scratch_folder_ + "/source";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::unique_ptr<ObjectStore> store_;
  std::string prefix_;
  std::string scratch_folder_;
};

inline std::unique_ptr<TestStore> open_test_store(const std::string& url, bool is_shared) {
  std::string scratch = make_scratch_folder();
  Settings settings;
  settings.base_folder = scratch;
  // Small parts, so that the suite's large objects are multipart.
  settings.s3.part_bytes = 5 << 20;
  settings.s3.multipart_above_bytes = 8 << 20;
  auto store = open_object_store(url, settings);
  EXPECT_TRUE(store.has_value()) << store.error().to_string();
  if (!store) return nullptr;
  std::string prefix = is_shared ? "test" + scratch.substr(scratch.rfind('-')) + "/" : "";
  return std::make_unique<TestStore>(*std::move(store), prefix, scratch);
}

struct TestSide {
  std::string label;
  std::function<std::unique_ptr<TestStore>()> open;
};

inline void PrintTo(const TestSide& side, std::ostream* to) {
  *to << side.label;
}

// Those that this machine has.
inline std::vector<TestSide> test_sides() {
  std::vector<TestSide> sides = {{"Memory", [] { return open_test_store("memory:", false); }},
                                 {"Local", [] { return open_test_store("file:objects", false); }}};
  if (const char* url = ::getenv(kS3UrlVariable); url != nullptr) {
    sides.push_back({"S3", [url] { return open_test_store(url, true); }});
  }
  return sides;
}

}  // namespace freshet::object_store
