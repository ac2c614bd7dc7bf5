#include "dedup/run_page.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/bytes.h"
#include "common/check.h"
#include "common/crc32c.h"

namespace freshet::dedup {
namespace {

using run_format::kFixedEntryBytes;
using run_format::kPageBytes;
using run_format::PageHeader;

std::uint8_t bytes_for(std::uint64_t most) {
  return static_cast<std::uint8_t>((std::bit_width(most) + 7) / 8);
}

std::size_t entry_bytes_of(const PageHeader& header) {
  return kFixedEntryBytes + header.position_bytes + header.sub_bytes + header.last_seen_bytes +
         header.row_bytes;
}

// A page that was written to another place or file must not pass for this one.
std::uint32_t crc_of(std::uint64_t run, std::uint64_t page, ConstPageBytes bytes) {
  std::uint64_t place[2] = {run, page};
  return crc32c(crc32c(0, std::as_bytes(std::span(place))), bytes.subspan(sizeof(std::uint32_t)));
}

void put(std::byte*& to, std::uint64_t value, std::uint8_t bytes) {
  std::memcpy(to, &value, bytes);
  to += bytes;
}

std::uint64_t take(const std::byte*& from, std::uint8_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, bytes);
  from += bytes;
  return value;
}

}  // namespace

void PageBuilder::Bounds::widen(const DedupEntry& entry) {
  position_least = std::min(position_least, entry.first.value);
  position_most = std::max(position_most, entry.first.value);
  seen_least = std::min(seen_least, entry.last_seen_us);
  seen_most = std::max(seen_most, entry.last_seen_us);
  sub_most = std::max(sub_most, entry.first_sub);
  if (entry.row == kDedupNoRow) return;
  row_least = std::min(row_least, entry.row);
  row_most = std::max(row_most, entry.row);
}

run_format::PageHeader PageBuilder::Bounds::widths() const {
  PageHeader header;
  header.position_least = position_least;
  header.position_bytes = bytes_for(position_most - position_least);
  header.sub_bytes = bytes_for(sub_most);
  header.last_seen_least_us = seen_least;
  header.last_seen_bytes =
      bytes_for(static_cast<std::uint64_t>(seen_most) - static_cast<std::uint64_t>(seen_least));
  bool has_rows = row_least <= row_most;
  header.row_least = has_rows ? row_least : 0;
  header.row_bytes = has_rows ? bytes_for(row_most - row_least + 1) : 0;
  return header;
}

bool PageBuilder::add(const DedupEntry& entry) {
  Bounds wider = bounds_;
  wider.widen(entry);
  std::size_t needed = sizeof(PageHeader) + (entries_.size() + 1) * entry_bytes_of(wider.widths());
  if (needed > kPageBytes) return false;
  bounds_ = wider;
  entries_.push_back(entry);
  return true;
}

void PageBuilder::pack(std::uint64_t run, std::uint64_t page, PageBytes to) const {
  FRESHET_CHECK(!entries_.empty());
  PageHeader header = bounds_.widths();
  header.entries = static_cast<std::uint16_t>(entries_.size());
  std::byte* at = to.data() + sizeof(PageHeader);
  for (const DedupEntry& entry : entries_) {
    put(at, entry.id.high, 8);
    put(at, entry.id.low, 8);
    put(at, entry.content.high, 8);
    put(at, entry.content.low, 8);
    put(at, entry.first.value - header.position_least, header.position_bytes);
    put(at, entry.first_sub, header.sub_bytes);
    put(at,
        static_cast<std::uint64_t>(entry.last_seen_us) -
            static_cast<std::uint64_t>(header.last_seen_least_us),
        header.last_seen_bytes);
    put(at, entry.row == kDedupNoRow ? 0 : entry.row - header.row_least + 1, header.row_bytes);
  }
  std::fill(at, to.data() + to.size(), std::byte{0});
  std::memcpy(to.data(), &header, sizeof(header));
  store_le(to.data(), crc_of(run, page, to));
}

void PageBuilder::clear() {
  entries_.clear();
  bounds_ = {};
}

PageReader::PageReader(const PageHeader& header, const std::byte* bytes)
    : header_(header), bytes_(bytes), entry_bytes_(entry_bytes_of(header)) {}

Result<PageReader> PageReader::check(std::uint64_t run, std::uint64_t page, ConstPageBytes bytes) {
  auto header = load_le<PageHeader>(bytes.data());
  if (header.crc != crc_of(run, page, bytes))
    return Error(Code::kCorruption, "the page's checksum does not fit its bytes");
  bool widths_fit = header.position_bytes <= 8 && header.sub_bytes <= 4 &&
                    header.last_seen_bytes <= 8 && header.row_bytes <= 8;
  if (!widths_fit || header.entries == 0 ||
      sizeof(PageHeader) + header.entries * entry_bytes_of(header) > kPageBytes)
    return Error(Code::kCorruption, "the page's head describes no page");
  return PageReader(header, bytes.data());
}

PageReader PageReader::of_checked(ConstPageBytes bytes) {
  return PageReader(load_le<PageHeader>(bytes.data()), bytes.data());
}

EventId PageReader::id(std::size_t index) const {
  const std::byte* from = at(index);
  return {load_le<std::uint64_t>(from), load_le<std::uint64_t>(from + 8)};
}

DedupEntry PageReader::entry(std::size_t index) const {
  const std::byte* from = at(index);
  DedupEntry entry;
  entry.id = {take(from, 8), take(from, 8)};
  entry.content = {take(from, 8), take(from, 8)};
  entry.first.value = header_.position_least + take(from, header_.position_bytes);
  entry.first_sub = static_cast<std::uint32_t>(take(from, header_.sub_bytes));
  entry.last_seen_us = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(header_.last_seen_least_us) + take(from, header_.last_seen_bytes));
  std::uint64_t row = take(from, header_.row_bytes);
  entry.row = row == 0 ? kDedupNoRow : header_.row_least + row - 1;
  return entry;
}

}  // namespace freshet::dedup
