#include "dedup/dedup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <tuple>
#include <vector>

#include "io/random.h"

namespace freshet::dedup {
namespace {

constexpr std::int64_t kHorizonUs = 1'000'000;

// The promise in its plainest form.
class Model {
 public:
  DedupDecision decide(EventId id, ContentHash content, std::int64_t now_us) {
    auto found = seen_.find(id);
    if (found == seen_.end() || found->second.last_seen_us < now_us - kHorizonUs) {
      seen_[id] = {content, now_us};
      return DedupDecision::kNew;
    }
    found->second.last_seen_us = now_us;
    return found->second.content == content ? DedupDecision::kDuplicate : DedupDecision::kConflict;
  }

 private:
  struct Seen {
    ContentHash content;
    std::int64_t last_seen_us;
  };
  std::map<EventId, Seen> seen_;
};

EventId id_of(std::uint64_t n) {
  return {n, ~n};
}

struct DedupTest : testing::Test {
  MemoryBudget budget{std::uint64_t{1} << 30};
};

TEST_F(DedupTest, tells_new_retry_and_conflict_apart) {
  Dedup dedup({.horizon_us = kHorizonUs}, budget);
  DedupOutcome first = *dedup.decide({1, 2}, {3, 4}, {100}, 7, 5000);
  EXPECT_EQ(first.decision, DedupDecision::kNew);
  EXPECT_EQ(first.first.row, kDedupNoRow);
  dedup.set_row({1, 2}, first.ticket, 42);
  DedupOutcome retry = *dedup.decide({1, 2}, {3, 4}, {200}, 0, 6000);
  EXPECT_EQ(retry.decision, DedupDecision::kDuplicate);
  EXPECT_EQ(retry.first.first, Position{100});
  EXPECT_EQ(retry.first.first_sub, 7u);
  EXPECT_EQ(retry.first.row, 42u);
  DedupOutcome conflict = *dedup.decide({1, 2}, {3, 5}, {300}, 0, 7000);
  EXPECT_EQ(conflict.decision, DedupDecision::kConflict);
  EXPECT_EQ(conflict.first.content, (ContentHash{3, 4}));
  EXPECT_EQ(dedup.decide({2, 2}, {3, 4}, {400}, 0, 7000)->decision, DedupDecision::kNew);
  auto found = *dedup.find({1, 2});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->row, 42u);
  EXPECT_EQ(found->last_seen_us, 7000);
  EXPECT_FALSE(dedup.find({9, 9})->has_value());
  EXPECT_EQ(dedup.entry_count(), 2u);
}

TEST_F(DedupTest, case04_the_horizon_is_exact_and_counts_from_the_last_sight) {
  Dedup dedup({.horizon_us = kHorizonUs}, budget);
  auto at = [&](std::int64_t us) { return dedup.decide({1, 1}, {1, 1}, {1}, 0, us)->decision; };
  EXPECT_EQ(at(0), DedupDecision::kNew);
  EXPECT_EQ(at(kHorizonUs), DedupDecision::kDuplicate);
  EXPECT_EQ(at(2 * kHorizonUs), DedupDecision::kDuplicate);
  EXPECT_EQ(at(3 * kHorizonUs + 1), DedupDecision::kNew);
}

TEST_F(DedupTest, an_entry_stays_while_its_row_does) {
  Dedup dedup({.horizon_us = kHorizonUs}, budget);
  DedupTicket ticket = dedup.decide({1, 1}, {1, 1}, {1}, 0, 0)->ticket;
  dedup.set_row({1, 1}, ticket, 5);
  dedup.expire(10 * kHorizonUs, 5);
  ASSERT_TRUE(dedup.find({1, 1})->has_value());
  // Past the horizon its id is new again, and find() gives the newest.
  DedupOutcome again = *dedup.decide({1, 1}, {1, 1}, {2}, 0, 10 * kHorizonUs);
  EXPECT_EQ(again.decision, DedupDecision::kNew);
  EXPECT_EQ((*dedup.find({1, 1}))->first, Position{2});
  dedup.set_row({1, 1}, again.ticket, 6);
  dedup.expire(20 * kHorizonUs, 6);
  EXPECT_TRUE(dedup.find({1, 1})->has_value());
  dedup.expire(20 * kHorizonUs, 7);
  EXPECT_FALSE(dedup.find({1, 1})->has_value());
  EXPECT_EQ(dedup.entry_count(), 0u);
}

// Ids that repeat within, near and past the horizon, over many generations. Rows are noted a batch
// at a time, as the pipeline does.
void compare_with_model(const DedupConfig& config, int events, std::uint64_t seed,
                        int* differences) {
  MemoryBudget budget(std::uint64_t{1} << 30);
  Dedup dedup(config, budget);
  Model model;
  io::SeededRandom random(seed);
  std::int64_t now_us = 0;
  std::uint64_t row = 0, recent = 0;
  std::vector<std::tuple<EventId, DedupTicket, std::uint64_t>> batch;
  auto note_rows = [&] {
    for (const auto& [id, ticket, its_row] : batch) dedup.set_row(id, ticket, its_row);
    for (const auto& [id, ticket, its_row] : batch) {
      // The id may have been new twice in one batch: then the later row stands.
      if (auto found = *dedup.find(id); !found || found->row < its_row) ++*differences;
    }
    batch.clear();
  };
  for (int i = 0; i < events; ++i) {
    now_us += static_cast<std::int64_t>(random.below(60));
    std::uint64_t back = random.below(3) == 0 ? random.below(40'000) : random.below(100);
    std::uint64_t n = random.below(4) == 0 && recent > back ? recent - back : ++recent;
    ContentHash content{n, random.below(20) == 0 ? 1u : 0u};
    ASSERT_TRUE(dedup.reserve(1));
    DedupOutcome got = *dedup.decide(id_of(n), content, {std::uint64_t(i) + 1}, 0, now_us);
    if (got.decision != model.decide(id_of(n), content, now_us)) ++*differences;
    if (got.decision == DedupDecision::kNew && random.below(10) != 0)
      batch.emplace_back(got.first.id, got.ticket, row++);
    if (batch.size() == 100 || i % 500 == 0) note_rows();
    if (i % 500 == 0)
      dedup.expire(now_us, row - std::min<std::uint64_t>(row, random.below(30'000)));
  }
  dedup.expire(now_us + 2 * config.horizon_us, row);
  EXPECT_LE(dedup.memory_bytes(), budget.used_bytes());
}

TEST_F(DedupTest, decides_as_the_model_does) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    int differences = 0;
    compare_with_model({.horizon_us = kHorizonUs}, 150'000, seed, &differences);
    EXPECT_EQ(differences, 0) << "seed " << seed;
  }
}

TEST_F(DedupTest, decides_as_the_model_does_where_every_fingerprint_collides) {
  for (int bits : {1, 4, 8}) {
    int differences = 0;
    compare_with_model({.horizon_us = kHorizonUs, .hash_seed = 9, .fingerprint_bits = bits}, 60'000,
                       4, &differences);
    EXPECT_EQ(differences, 0) << bits << " bits";
  }
}

// The planted bug, and that the check above sees it.
TEST_F(DedupTest, accepting_without_confirming_a_fingerprint_loses_events) {
  DedupConfig config{.horizon_us = kHorizonUs, .fingerprint_bits = 8};
  auto lost_of = [&](bool planted) {
    config.plant_unconfirmed_hits = planted;
    Dedup dedup(config, budget);
    int lost = 0;
    for (std::uint64_t n = 0; n < 5000; ++n) {
      DedupOutcome got = *dedup.decide(id_of(n), {n, n}, {n + 1}, 0, 0);
      if (got.decision != DedupDecision::kNew) ++lost;
    }
    return lost;
  };
  EXPECT_EQ(lost_of(false), 0);
  EXPECT_GT(lost_of(true), 0);
}

TEST_F(DedupTest, case05_memory_follows_the_living_ids_and_is_back_at_its_baseline) {
  Dedup dedup({.horizon_us = kHorizonUs}, budget);
  std::uint64_t most = 0;
  std::int64_t now_us = 0;
  // 50,000 live at a time, of 2 million.
  for (std::uint64_t n = 0; n < 2'000'000; ++n) {
    now_us += kHorizonUs / 50'000;
    if (n % 500 == 0) {
      dedup.expire(now_us, 0);
      ASSERT_TRUE(dedup.reserve(500));
    }
    ASSERT_TRUE(dedup.decide(id_of(n), {}, {n + 1}, 0, now_us));
    most = std::max(most, dedup.memory_bytes());
  }
  EXPECT_LE(dedup.entry_count(), 50'000u + 2 * 8192u);
  // 64 bytes an entry and 18 a slot, with stale slots and whole generations: far from 2 million.
  EXPECT_LT(most, 20u << 20);
  EXPECT_EQ(budget.used_bytes(), dedup.memory_bytes());
  for (int i = 0; i < 5000; ++i) dedup.expire(now_us + 2 * kHorizonUs, 0);
  EXPECT_EQ(dedup.entry_count(), 0u);
  EXPECT_LT(dedup.memory_bytes(), 2u << 20);
}

TEST_F(DedupTest, says_no_when_the_budget_is_full_and_yes_when_it_is_not) {
  MemoryBudget small(8u << 20);
  Dedup dedup({.horizon_us = kHorizonUs}, small);
  std::uint64_t n = 0;
  while (dedup.reserve(500)) {
    for (int i = 0; i < 500; ++i, ++n) ASSERT_TRUE(dedup.decide(id_of(n), {}, {n + 1}, 0, 0));
    ASSERT_LE(small.used_bytes(), small.limit_bytes());
  }
  EXPECT_GT(n, 50'000u);
  for (std::uint64_t i = 0; i < n; ++i) ASSERT_TRUE(dedup.find(id_of(i))->has_value());
  for (int i = 0; i < 100; ++i) dedup.expire(2 * kHorizonUs, 0);
  EXPECT_TRUE(dedup.reserve(500));
}

TEST_F(DedupTest, gives_everything_back_at_its_end) {
  {
    Dedup dedup({}, budget);
    ASSERT_TRUE(dedup.reserve(100'000));
    EXPECT_GT(budget.used_bytes(), 100'000u * 64);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(DedupTest, readers_find_whole_entries_while_the_owner_works) {
  Dedup dedup({.horizon_us = kHorizonUs}, budget);
  std::atomic<std::uint64_t> published{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> hits{0}, torn{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      io::SeededRandom random(static_cast<std::uint64_t>(r));
      while (!stop) {
        std::uint64_t end = published;
        if (end == 0) continue;
        std::uint64_t n = random.below(end);
        auto found = *dedup.find(id_of(n));
        if (!found) continue;
        ++hits;
        bool row_fits = found->row == kDedupNoRow || found->row == n;
        if (found->id != id_of(n) || found->content.high != n || !row_fits) ++torn;
      }
    });
  }
  std::int64_t now_us = 0;
  for (std::uint64_t n = 0; n < 200'000; ++n) {
    now_us += 20;
    if (n % 256 == 0) dedup.expire(now_us, n - std::min<std::uint64_t>(n, 1000));
    DedupTicket ticket = dedup.decide(id_of(n), {n, 0}, {n + 1}, 0, now_us)->ticket;
    dedup.set_row(id_of(n), ticket, n);
    if (n % 5 == 0 && n > 20'000) {
      ASSERT_TRUE(dedup.decide(id_of(n - 20'000), {n - 20'000, 0}, {n}, 0, now_us));
    }
    published = n + 1;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(hits, 0u);
  EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace freshet::dedup
