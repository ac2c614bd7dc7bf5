#include "pipeline/ledger.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/random.h"

namespace freshet::pipeline {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

TEST(LedgerTest, counts_each_outcome_in_its_camera_and_minute) {
  LedgerDelta delta;
  delta.add("c1", 5 * kMinuteUs, Outcome::kAccepted);
  delta.add("c1", 6 * kMinuteUs - 1, Outcome::kDuplicate);
  delta.add("c1", 6 * kMinuteUs, Outcome::kLate);
  delta.add("", 5 * kMinuteUs, Outcome::kRefused);
  delta.add("c0", 5 * kMinuteUs, Outcome::kFiltered);
  Ledger ledger;
  ledger.apply(delta);
  auto rows = Ledger::rows(ledger.snapshot());
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].camera_id, "");
  EXPECT_EQ(rows[0].counts.refused, 1u);
  EXPECT_EQ(rows[1].camera_id, "c0");
  EXPECT_EQ(rows[1].counts.filtered, 1u);
  EXPECT_EQ(rows[2].camera_id, "c1");
  EXPECT_EQ(rows[2].minute_us, 5 * kMinuteUs);
  EXPECT_EQ(rows[2].counts.received, 2u);
  EXPECT_EQ(rows[2].counts.accepted, 1u);
  EXPECT_EQ(rows[2].counts.duplicate, 1u);
  EXPECT_EQ(rows[3].minute_us, 6 * kMinuteUs);
  EXPECT_EQ(rows[3].counts.late, 1u);
}

TEST(LedgerTest, a_minute_before_1970_begins_before_its_events) {
  LedgerDelta delta;
  delta.add("c", -1, Outcome::kAccepted);
  EXPECT_EQ(delta.counts().begin()->first.first, -kMinuteUs);
}

TEST(LedgerTest, a_snapshot_stays_as_it_was) {
  Ledger ledger;
  LedgerDelta delta;
  delta.add("c1", 0, Outcome::kAccepted);
  ledger.apply(delta);
  auto before = ledger.snapshot();
  ledger.apply(delta);
  ledger.trim(kMinuteUs);
  EXPECT_TRUE(ledger.snapshot().empty());
  ASSERT_EQ(Ledger::rows(before).size(), 1u);
  EXPECT_EQ(Ledger::rows(before)[0].counts.accepted, 1u);
}

TEST(LedgerTest, trim_keeps_the_minute_that_is_not_over) {
  Ledger ledger;
  LedgerDelta delta;
  for (int minute = 0; minute < 3; ++minute) delta.add("c", minute * kMinuteUs, Outcome::kAccepted);
  ledger.apply(delta);
  ledger.trim(kMinuteUs + 1);
  EXPECT_EQ(Ledger::rows(ledger.snapshot()).size(), 2u);
  EXPECT_GT(ledger.memory_bytes(), 0u);
}

TEST(LedgerTest, balances_at_every_moment_and_loses_nothing) {
  io::SeededRandom random(7);
  Ledger ledger;
  LedgerDelta delta;
  LedgerCounts all;
  std::vector<Ledger::Minutes> held;
  for (int step = 0; step < 20'000; ++step) {
    auto outcome = static_cast<Outcome>(random.below(5));
    delta.add(fmt::format("c{}", random.below(9)),
              static_cast<std::int64_t>(random.below(7)) * kMinuteUs, outcome);
    all.add(outcome);
    if (random.below(50) != 0) continue;
    ledger.apply(delta);
    delta = {};
    EXPECT_TRUE(delta.empty());
    if (random.below(3) == 0) held.push_back(ledger.snapshot());
    if (held.size() > 4) held.erase(held.begin());
    LedgerCounts sum;
    for (const LedgerRow& row : Ledger::rows(ledger.snapshot())) {
      ASSERT_TRUE(row.counts.balances());
      sum += row.counts;
    }
    ASSERT_TRUE(sum.balances());
    ASSERT_EQ(sum.received, all.received);
    ASSERT_EQ(sum.duplicate, all.duplicate);
  }
  LedgerCounts unbalanced;
  unbalanced.received = 1;
  EXPECT_FALSE(unbalanced.balances());
}

TEST(LedgerCounter, counts_what_a_delta_counts_and_begins_anew_after_take) {
  LedgerCounter counter;
  LedgerDelta plain;
  for (int round = 0; round < 2; ++round) {
    // More cameras than the counter remembers, so that they push each other out.
    for (int i = 0; i < 5'000; ++i) {
      std::string camera = "camera-" + std::to_string(i * 37 % 1'000);
      std::int64_t arrival_us = i * 100'000ll;
      auto outcome = static_cast<Outcome>(i % 5);
      counter.add(camera, arrival_us, outcome);
      plain.add(camera, arrival_us, outcome);
    }
    LedgerDelta counted = counter.take();
    ASSERT_EQ(counted.counts().size(), plain.counts().size());
    for (const auto& [key, counts] : counted.counts()) {
      const LedgerCounts& other = plain.counts().at(key);
      EXPECT_TRUE(counts.balances());
      EXPECT_EQ(counts.received, other.received);
      EXPECT_EQ(counts.accepted, other.accepted);
      EXPECT_EQ(counts.filtered, other.filtered);
    }
    plain = {};
  }
  EXPECT_TRUE(counter.take().empty());
}

}  // namespace
}  // namespace freshet::pipeline
