#include "log/recovery.h"

#include <gtest/gtest.h>

namespace freshet::log {
namespace {

// A segment in the hand: runs of one-page blocks, one behind the other.
class ScanBuilder {
 public:
  ScanBuilder(std::uint64_t segment_id, std::uint64_t epoch, std::uint64_t epoch_first) {
    scan_.path = "segment-" + std::to_string(segment_id);
    scan_.identity.segment_id = segment_id;
    scan_.identity.epoch = epoch;
    scan_.file_bytes = 1 << 20;
    epoch_first_ = epoch_first;
  }
  ScanBuilder& blocks(std::uint64_t first, std::uint64_t last) {
    Run run;
    run.first_sequence = first;
    run.last_sequence = last;
    run.start_offset = offset_;
    offset_ += (last - first + 1) * kPageBytes;
    run.end_offset = offset_;
    run.epoch_first_sequence = epoch_first_;
    run.index.push_back({first, first, run.start_offset, 0});
    scan_.runs.push_back(run);
    return *this;
  }
  ScanBuilder& bad(std::uint64_t pages, bool unreadable = false) {
    scan_.bad_areas.push_back({offset_, pages * kPageBytes, unreadable, true});
    offset_ += pages * kPageBytes;
    return *this;
  }
  ScanBuilder& trimmed_before(std::uint64_t sequence) {
    scan_.highest_trimmed_before = sequence;
    return *this;
  }
  ScanBuilder& durable(std::uint64_t sequence) {
    scan_.highest_durable_sequence = sequence;
    return *this;
  }
  operator SegmentScan() const { return scan_; }  // NOLINT: reads like a literal

 private:
  SegmentScan scan_;
  std::uint64_t offset_ = kSegmentDataOffset;
  std::uint64_t epoch_first_ = 1;
};

Decision decide(const std::vector<SegmentScan>& scans,
                RecoveryPolicy policy = RecoveryPolicy::kWatermark) {
  auto decision = decide_recovery(scans, 0, policy);
  EXPECT_TRUE(decision.has_value());
  return decision.has_value() ? *decision : Decision{};
}

TEST(RecoveryTest, NothingIsNothing) {
  Decision decision = decide({});
  EXPECT_EQ(decision.last_sequence, 0u);
  EXPECT_TRUE(decision.extents.empty());
  EXPECT_TRUE(decision.holes.empty());
}

TEST(RecoveryTest, AWholeTailStaysThoughNoWatermarkVouchesForIt) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 9).durable(7)});
  EXPECT_EQ(decision.last_sequence, 9u);
  EXPECT_TRUE(decision.holes.empty());
}

TEST(RecoveryTest, AHoleAboveTheWatermarkIsATornTail) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(1).blocks(10, 10).durable(8)});
  EXPECT_EQ(decision.last_sequence, 8u);
  EXPECT_TRUE(decision.holes.empty());
  EXPECT_EQ(decision.torn_tail_bytes, 2 * kPageBytes);
}

TEST(RecoveryTest, AHoleAtTheWatermarkIsDamage) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(2).blocks(10, 10).durable(9)});
  EXPECT_EQ(decision.last_sequence, 10u);
  ASSERT_EQ(decision.holes.size(), 1u);
  ASSERT_EQ(decision.holes[0].places.size(), 1u);
  EXPECT_EQ(decision.holes[0].places[0].offset, kSegmentDataOffset + 8 * kPageBytes);
  EXPECT_EQ(decision.holes[0].places[0].bytes, 2 * kPageBytes);
  EXPECT_EQ(decision.holes[0].extent_before, 0u);
  EXPECT_EQ(decision.holes[0].extent_after, 1u);
}

TEST(RecoveryTest, TheWrongPolicyCutsDamage) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(1).blocks(10, 10).durable(9)},
                             RecoveryPolicy::kEveryHoleIsATornTail);
  EXPECT_EQ(decision.last_sequence, 8u);
  EXPECT_TRUE(decision.holes.empty());
}

TEST(RecoveryTest, DamageAtTheEndIsKnownFromTheWatermarkBlockBehindIt) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(1).blocks(10, 10).durable(9),
                              ScanBuilder(2, 2, 11).blocks(11, 11).durable(10)});
  EXPECT_EQ(decision.last_sequence, 11u);
  EXPECT_EQ(decision.holes.size(), 1u);
}

TEST(RecoveryTest, WhatALaterEpochCutIsVoidForEver) {
  // The first start cut behind 8, though 10 stood there whole; its own blocks begin with 9.
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(1).blocks(10, 12).durable(8),
                              ScanBuilder(2, 2, 9).blocks(9, 10).durable(9)});
  EXPECT_EQ(decision.last_sequence, 10u);
  EXPECT_TRUE(decision.holes.empty());
  ASSERT_EQ(decision.extents.size(), 2u);
  EXPECT_EQ(decision.extents[1].segment, 1u);
}

TEST(RecoveryTest, BlocksWrittenAgainCountInTheLaterSegment) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).bad(1).blocks(10, 10).durable(8),
                              ScanBuilder(2, 1, 1).blocks(9, 11).durable(9)});
  EXPECT_EQ(decision.last_sequence, 11u);
  EXPECT_TRUE(decision.holes.empty());
  ASSERT_EQ(decision.extents.size(), 2u);
  EXPECT_EQ(decision.extents[0].last_sequence, 8u);
  EXPECT_EQ(decision.extents[1].segment, 1u);
}

TEST(RecoveryTest, AnInterruptedRecoveryLosesNothing) {
  // It had begun to write 7 to 9 again; only 7 landed. Its epoch would have begun with 10.
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 9).durable(6),
                              ScanBuilder(2, 2, 10).blocks(7, 7).durable(6)});
  EXPECT_EQ(decision.last_sequence, 9u);
  EXPECT_TRUE(decision.holes.empty());
  ASSERT_EQ(decision.extents.size(), 3u);
  EXPECT_EQ(decision.extents[1].segment, 1u);
  EXPECT_EQ(decision.extents[2].segment, 0u);
  EXPECT_EQ(decision.extents[2].first_sequence, 8u);
}

TEST(RecoveryTest, TrimmedSegmentsAreNoHole) {
  Decision decision = decide({ScanBuilder(5, 1, 1).blocks(50, 60).durable(58).trimmed_before(50)});
  EXPECT_EQ(decision.last_sequence, 60u);
  EXPECT_TRUE(decision.holes.empty());
}

TEST(RecoveryTest, WhatWasTrimmedStaysTrimmedThoughItsFileIsStillThere) {
  Decision decision = decide({ScanBuilder(4, 1, 1).blocks(40, 49),
                              ScanBuilder(5, 1, 1).blocks(50, 60).durable(58).trimmed_before(50)});
  ASSERT_EQ(decision.extents.size(), 1u);
  EXPECT_EQ(decision.extents[0].segment, 1u);
  EXPECT_TRUE(decision.holes.empty());
}

TEST(RecoveryTest, ALostFrontThatNobodyTrimmedIsDamage) {
  Decision decision =
      decide({ScanBuilder(5, 1, 1).bad(1).blocks(51, 60).durable(58).trimmed_before(50)});
  ASSERT_EQ(decision.holes.size(), 1u);
  EXPECT_EQ(decision.holes[0].extent_before, Hole::kNone);
  EXPECT_EQ(decision.holes[0].last_sequence, 50u);
  decision = decide({ScanBuilder(6, 1, 1).blocks(51, 60).durable(58).trimmed_before(50)});
  EXPECT_EQ(decision.holes.size(), 1u);
}

TEST(RecoveryTest, ALostSegmentInTheMiddleIsDamage) {
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).durable(7),
                              ScanBuilder(3, 1, 1).blocks(20, 30).durable(29)});
  EXPECT_EQ(decision.last_sequence, 30u);
  ASSERT_EQ(decision.holes.size(), 1u);
  EXPECT_FALSE(decision.holes[0].places.empty());
}

TEST(RecoveryTest, ALostHeaderBeforeTracesOfBlocksIsDamage) {
  SegmentScan headless = ScanBuilder(2, 1, 1).bad(3);
  headless.header_is_good = false;
  Decision decision = decide({ScanBuilder(1, 1, 1).blocks(1, 8).durable(8), headless});
  EXPECT_EQ(decision.last_sequence, 8u);
  ASSERT_EQ(decision.holes.size(), 1u);
  EXPECT_EQ(decision.holes[0].places[0].segment, 1u);
}

TEST(RecoveryTest, AnUnreadablePageAtTheEndRefusesTheStart) {
  std::vector<SegmentScan> scans{ScanBuilder(1, 1, 1).blocks(1, 8).bad(1, true).durable(7)};
  auto decision = decide_recovery(scans, 0, RecoveryPolicy::kWatermark);
  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().number(), 3112);
}

TEST(RecoveryTest, AnUnreadablePageInTheMiddleIsAGapOnly) {
  Decision decision =
      decide({ScanBuilder(1, 1, 1).blocks(1, 4).bad(1, true).blocks(6, 8).durable(7)});
  EXPECT_EQ(decision.holes.size(), 1u);
  EXPECT_EQ(decision.last_sequence, 8u);
}

}  // namespace
}  // namespace freshet::log
