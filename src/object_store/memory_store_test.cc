// What only memory does: faults, as scripted or from a seed.
#include "object_store/memory_store.h"

#include <gtest/gtest.h>

#include "common/bytes.h"

namespace freshet::object_store {
namespace {

Result<ObjectInfo> put(ObjectStore& store, const std::string& name, std::string_view content) {
  return store.put(name, as_bytes_of(content), PutCondition::if_absent());
}

// Every call gets `fault`, until the next set_hook.
void always(MemoryStore& store, Fault fault) {
  store.set_hook([fault](const StoreCall&) { return fault; });
}

TEST(MemoryStoreFaults, RefusedIsNotDoneAndKnownNotToBe) {
  MemoryStore store;
  always(store, Fault::kRefuse);
  auto refused = put(store, "x", "1");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().number(), 3707);
  EXPECT_FALSE(outcome_is_unknown(refused.error()));
  EXPECT_EQ(store.get("x").error().number(), 3707);
  store.set_hook(nullptr);
  EXPECT_EQ(store.get("x").error().code(), Code::kNotFound);
}

TEST(MemoryStoreFaults, AnOutcomeIsUnknownWhetherItWasDoneOrNot) {
  MemoryStore store;
  always(store, Fault::kLoseAnswer);
  EXPECT_TRUE(outcome_is_unknown(put(store, "done", "1").error()));
  always(store, Fault::kLoseRequest);
  EXPECT_TRUE(outcome_is_unknown(put(store, "not done", "1").error()));
  store.set_hook(nullptr);
  EXPECT_EQ(*store.get("done"), "1");
  EXPECT_EQ(store.get("not done").error().code(), Code::kNotFound);
  always(store, Fault::kLoseAnswer);
  EXPECT_TRUE(outcome_is_unknown(store.remove("done").error()));
  EXPECT_EQ(store.head("done").error().number(), 3707);
  store.set_hook(nullptr);
  EXPECT_EQ(store.get("done").error().code(), Code::kNotFound);
}

TEST(MemoryStoreFaults, ALatePutLandsUnderItsConditionThen) {
  MemoryStore store;
  always(store, Fault::kLandLater);
  EXPECT_TRUE(outcome_is_unknown(put(store, "x", "late").error()));
  EXPECT_TRUE(outcome_is_unknown(put(store, "y", "late").error()));
  store.set_hook(nullptr);
  EXPECT_EQ(store.get("x").error().code(), Code::kNotFound);
  ASSERT_TRUE(put(store, "x", "in time").has_value());
  store.land_late();
  EXPECT_EQ(*store.get("x"), "in time");
  EXPECT_EQ(*store.get("y"), "late");
}

TEST(MemoryStoreFaults, DamageIsStoredAndToldOk) {
  MemoryStore store;
  always(store, Fault::kCorrupt);
  ASSERT_TRUE(put(store, "corrupt", "0123").has_value());
  always(store, Fault::kTruncate);
  ASSERT_TRUE(put(store, "short", "0123").has_value());
  store.set_hook(nullptr);
  EXPECT_NE(*store.get("corrupt"), "0123");
  EXPECT_EQ(store.get("corrupt")->size(), 4u);
  EXPECT_EQ(*store.get("short"), "01");
  ASSERT_TRUE(put(store, "rotten", "a").has_value());
  store.flip("rotten", 0, 3);
  EXPECT_EQ(*store.get("rotten"), "b");
}

TEST(MemoryStoreFaults, AHookMayEndItsUserAtAnyCall) {
  MemoryStore store;
  store.set_hook([](const StoreCall& call) {
    if (call.number == 2) return Fault::kDieAfter;
    return call.number == 3 ? Fault::kDie : Fault::kNone;
  });
  ASSERT_TRUE(put(store, "1", "x").has_value());
  EXPECT_FALSE(put(store, "2", "x").has_value());
  EXPECT_FALSE(store.get("1").has_value());
  EXPECT_EQ(store.call_count(), 2u);
  store.revive();
  EXPECT_FALSE(put(store, "3", "x").has_value());
  store.revive();
  EXPECT_EQ(*store.get("2"), "x");
  EXPECT_EQ(store.get("3").error().code(), Code::kNotFound);
}

TEST(MemoryStoreFaults, AHookSeesOperationsAndNames) {
  MemoryStore store;
  std::string seen;
  store.set_hook([&](const StoreCall& call) {
    seen += std::to_string(static_cast<int>(call.operation)) + call.name + " ";
    return Fault::kNone;
  });
  ASSERT_TRUE(put(store, "a", "x").has_value());
  ASSERT_TRUE(store.get("a").has_value());
  ASSERT_TRUE(store.get_range("a", 0, 1).has_value());
  ASSERT_TRUE(store.head("a").has_value());
  ASSERT_TRUE(store.remove("a").has_value());
  ASSERT_TRUE(store.list("p").has_value());
  EXPECT_EQ(seen, "0a 1a 1a 2a 3a 4p ");
}

TEST(MemoryStoreFaults, ASeedGivesTheSameFaultsAgainAndAllOfThem) {
  auto run = [](std::uint64_t seed) {
    io::SeededRandom random(seed);
    MemoryStore store;
    store.set_hook(seeded_faults({100, 100, 100, 100, 100, 100}, random));
    std::string outcomes;
    for (int i = 0; i < 200; ++i) {
      std::string name = std::to_string(i);
      auto done = put(store, name, "0123456789");
      outcomes += done ? "ok " : std::to_string(done.error().number()) + " ";
    }
    store.set_hook(nullptr);
    std::size_t damaged = 0;
    auto all = store.list("");
    for (const ObjectInfo& object : *all) damaged += *store.get(object.name) != "0123456789";
    EXPECT_GT(damaged, 0u);
    std::size_t before = all->size();
    store.land_late();
    EXPECT_GT(store.list("")->size(), before);
    return outcomes;
  };
  std::string first = run(7);
  EXPECT_EQ(run(7), first);
  EXPECT_NE(run(8), first);
  for (const char* outcome : {"ok", "3705", "3707"}) {
    EXPECT_NE(first.find(outcome), std::string::npos) << outcome;
  }
}

TEST(MemoryStoreFaults, TimesComeFromTheClockThatIsHandedIn) {
  io::ManualClock clock(5'000'000);
  MemoryStore store({}, {.clock = clock});
  store.set_hook([&](const StoreCall&) {
    clock.advance_us(1'000'000);
    return Fault::kNone;
  });
  EXPECT_EQ(put(store, "x", "1")->modified_us, 6'000'000);
}

}  // namespace
}  // namespace freshet::object_store
