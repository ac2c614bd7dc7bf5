// The folder side of the object store on a disk whose power fails at each of its operations: what
// was told ok holds, what was refused is absent, and each object is whole or not there.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

#include "common/bytes.h"
#include "common/logging.h"
#include "object_store/object_store.h"
#include "sim/simulated_disk.h"

namespace freshet::sim {
namespace {

using object_store::ObjectInfo;
using object_store::ObjectStore;
using object_store::PutCondition;

constexpr std::int64_t kHourUs = 3'600'000'000;
using Content = std::optional<std::string>;  // nothing: there is no object

// What each name may hold.
struct Expected {
  Content last_known;
  std::optional<Content> perhaps;  // of the call that power failed in, if it may have been done
};

struct Step {
  std::string name;
  Content content;
  std::function<Status(ObjectStore&)> run;
};

Status status_of(const Result<ObjectInfo>& result) {
  return result ? ok() : Status(result.error());
}

Step put(const std::string& name, std::string content, const PutCondition& condition) {
  return {name, content, [=](ObjectStore& store) {
            return status_of(store.put(name, as_bytes_of(content), condition));
          }};
}

Step replace(const std::string& name, std::string content) {
  return {
      name, content, [=](ObjectStore& store) -> Status {
        FRESHET_TRY(ObjectInfo seen, store.head(name));
        return status_of(store.put(name, as_bytes_of(content), PutCondition::if_match(seen.etag)));
      }};
}

Step remove(const std::string& name) {
  return {name, {}, [=](ObjectStore& store) { return store.remove(name); }};
}

// Of some sectors, so that a tear shows.
std::string text_of(char letter) {
  return std::string(9000, letter);
}

std::vector<Step> steps() {
  return {put("a", text_of('1'), PutCondition::always()),
          put("a", text_of('2'), PutCondition::always()),
          put("b/c", text_of('3'), PutCondition::if_absent()),
          replace("a", text_of('4')),
          put("b/d", text_of('5'), PutCondition::if_absent()),
          remove("b/c"),
          put("b/c", text_of('6'), PutCondition::if_absent()),
          remove("a"),
          replace("b/d", text_of('7'))};
}

class World {
 public:
  explicit World(std::uint64_t seed) : disk_(seed), random_(seed + 1) { disk_.use_clock(clock_); }

  Result<std::unique_ptr<ObjectStore>> open() {
    return object_store::open_object_store("file:///store", {}, {disk_, clock_, random_});
  }

  // True where every step came to its end before the power failed.
  bool run_until_crash(std::uint64_t crash_after) {
    auto store = open();
    EXPECT_TRUE(store.has_value());
    disk_.crash_after(crash_after);
    for (const Step& step : steps()) {
      Status done = step.run(**store);
      if (!done) {
        EXPECT_TRUE(disk_.is_off()) << done.error().to_string();
        if (object_store::outcome_is_unknown(done.error()))
          expected_[step.name].perhaps = step.content;
        return false;
      }
      expected_[step.name] = {step.content, {}};
    }
    disk_.crash();
    return true;
  }

  // Names that hold what they may not.
  std::vector<std::string> faults() {
    disk_.cancel_crash();
    disk_.power_on();
    clock_.advance_us(2 * kHourUs);
    std::vector<std::string> faults;
    auto store = open();
    EXPECT_TRUE(store.has_value());
    for (const auto& [name, expected] : expected_) {
      auto got = (*store)->get(name);
      Content content = got ? Content(*got) : std::nullopt;
      bool is_other = expected.perhaps.has_value() && content == *expected.perhaps;
      if (content != expected.last_known && !is_other) faults.push_back(name);
    }
    auto listed = (*store)->list("");
    EXPECT_TRUE(listed.has_value());
    for (const ObjectInfo& object : *listed) {
      if (!expected_.contains(object.name)) faults.push_back("unknown " + object.name);
    }
    for (const auto& [path, bytes] : disk_.files()) {
      if (path.starts_with("/store/.freshet-temporary/")) faults.push_back("left over " + path);
    }
    return faults;
  }

  SimulatedDisk& disk() { return disk_; }

 private:
  SimulatedDisk disk_;
  io::ManualClock clock_{1'800'000'000'000'000};
  io::SeededRandom random_;
  std::map<std::string, Expected> expected_;
};

class ObjectStoreSimulation : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::kNone); }
  void TearDown() override { set_log_level(LogLevel::kInfo); }
};

TEST_F(ObjectStoreSimulation, EachCrashLeavesWholeObjectsAndWhatWasToldOk) {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    bool ended = false;
    for (std::uint64_t at = 0; !ended; ++at) {
      World world(seed);
      ended = world.run_until_crash(at);
      if (!ended) ++crashes;
      std::vector<std::string> faults = world.faults();
      ASSERT_TRUE(faults.empty()) << "seed " << seed << ", crash after " << at
                                  << " operations: " << faults[0];
    }
  }
  EXPECT_GT(crashes, 40u * 30);
}

// A test of the test: a store that only pretended to sync would be found out.
TEST_F(ObjectStoreSimulation, NoticesSyncsThatAreOnlyPretended) {
  auto is_noticed = [](std::uint32_t DiskFaults::* planted) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      World world(seed);
      world.disk().faults().*planted = 2;
      world.run_until_crash(~0ull >> 1);
      if (!world.faults().empty()) return true;
    }
    return false;
  };
  EXPECT_TRUE(is_noticed(&DiskFaults::ignore_every_nth_sync));
  EXPECT_TRUE(is_noticed(&DiskFaults::ignore_every_nth_directory_sync));
}

TEST_F(ObjectStoreSimulation, AFullDiskIsNoSpaceAndChangesNothing) {
  World world(1);
  auto store = world.open();
  ASSERT_TRUE((*store)->put("a", as_bytes_of("old"), {}).has_value());
  world.disk().faults().capacity_bytes = 1000;
  auto refused = (*store)->put("a", as_bytes_of(text_of('x')), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kNoSpace);
  EXPECT_EQ(*(*store)->get("a"), "old");
  EXPECT_EQ(world.disk().files().size(), 1u);
}

TEST_F(ObjectStoreSimulation, AFailedSyncOfTheFolderIsAnUnknownOutcome) {
  World world(1);
  auto store = world.open();
  world.disk().faults().directory_sync_fails = 1000;
  auto told = (*store)->put("a", as_bytes_of("new"), PutCondition::if_absent());
  ASSERT_FALSE(told.has_value());
  EXPECT_TRUE(object_store::outcome_is_unknown(told.error())) << told.error().to_string();
}

}  // namespace
}  // namespace freshet::sim
