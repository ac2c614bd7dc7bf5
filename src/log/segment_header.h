// Who a segment belongs to, and the checks that keep a foreign or damaged one out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/result.h"
#include "log/format.h"

namespace freshet::log {

// What every block of a segment must agree with.
struct SegmentIdentity {
  std::uint64_t data_directory_id = 0;
  std::uint32_t journal_id = 0;
  std::uint64_t segment_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t nonce = 0;
  std::uint64_t segment_bytes = 0;

  // Seeds the CRC of each block, so that no block of the file's former life, and no payload that
  // imitates a block, is ever taken for one.
  std::uint32_t crc_seed() const;
};

SegmentIdentity identity_of(const SegmentHeader& header);

// Fills in the CRC and writes both copies to `pages` (kSegmentDataOffset bytes).
void encode_segment_header(SegmentHeader header, std::span<std::byte> pages);
// The first good copy; nothing where both are damaged, or where these are no header at all. One
// with a newer format version counts as good: the caller has to refuse it.
std::optional<SegmentHeader> decode_segment_header(std::span<const std::byte> pages);

// Refuses a header that is not of this journal, or not the one its file name tells of.
//   FRS-3101 newer format, FRS-3102 other data directory or journal, FRS-3103 misplaced segment.
Status check_segment_header(const SegmentHeader& header, std::uint64_t data_directory_id,
                            std::uint32_t journal_id, std::uint64_t segment_id, std::uint64_t epoch,
                            const std::string& path);

// Names of files in a journal's folder.
struct SegmentName {
  std::uint64_t segment_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t trimmed_before_sequence = 0;  // of free files
};
// "segment-000000000042-epoch-000007.log": the epoch stands in the name too, so that a damaged
// header can never make a position be given twice.
std::string segment_file_name(std::uint64_t segment_id, std::uint64_t epoch);
std::optional<SegmentName> parse_segment_file_name(std::string_view name);
// "free-000000000042-epoch-000007-before-1234.log": written through once, waiting for reuse, with
// the id of its former life and the epoch that freed it. Trimming is this one rename: the name says
// which blocks were let go, so that they are not taken for lost; and it keeps the epoch, so that a
// start that frees an epoch's only segment and then dies cannot give its positions again.
std::string free_file_name(const SegmentName& name);
std::optional<SegmentName> parse_free_file_name(std::string_view name);
// "preparing-42.log": not yet written through; removed at start.
std::string preparing_file_name(std::uint64_t number);
bool is_preparing_file_name(std::string_view name);

}  // namespace freshet::log
