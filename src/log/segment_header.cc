#include "log/segment_header.h"

#include <charconv>
#include <cstdio>
#include <cstring>

#include "common/bytes.h"
#include "common/check.h"
#include "common/crc32c.h"

namespace freshet::log {
namespace {

std::uint32_t crc_of(const SegmentHeader& header) {
  return crc32c(0, std::as_bytes(std::span(&header, 1)).first(offsetof(SegmentHeader, header_crc)));
}

// Takes `text` off the front, or says no.
bool take(std::string_view& name, std::string_view text) {
  if (!name.starts_with(text)) return false;
  name.remove_prefix(text.size());
  return true;
}

bool take_number(std::string_view& name, std::uint64_t& number) {
  auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failure != std::errc()) return false;
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  return true;
}

}  // namespace

std::uint32_t SegmentIdentity::crc_seed() const {
  std::uint64_t words[] = {epoch, segment_id, nonce, data_directory_id, journal_id};
  return crc32c(0, std::as_bytes(std::span(words)));
}

SegmentIdentity identity_of(const SegmentHeader& header) {
  return {
      header.data_directory_id, header.journal_id, header.segment_id, header.epoch, header.nonce,
      header.segment_bytes};
}

void encode_segment_header(SegmentHeader header, std::span<std::byte> pages) {
  FRESHET_CHECK(pages.size() == kSegmentDataOffset);
  header.header_crc = crc_of(header);
  std::memset(pages.data(), 0, pages.size());
  for (std::uint64_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    store_le(pages.data() + copy * kPageBytes, header);
  }
}

std::optional<SegmentHeader> decode_segment_header(std::span<const std::byte> pages) {
  for (std::uint64_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    std::uint64_t offset = copy * kPageBytes;
    if (offset + sizeof(SegmentHeader) > pages.size()) break;
    auto header = load_le<SegmentHeader>(pages.data() + offset);
    if (header.magic == kSegmentMagic && header.header_crc == crc_of(header)) return header;
  }
  return std::nullopt;
}

Status check_segment_header(const SegmentHeader& header, std::uint64_t data_directory_id,
                            std::uint32_t journal_id, std::uint64_t segment_id, std::uint64_t epoch,
                            const std::string& path) {
  if (header.format_version != kFormatVersion) {
    return Error(Code::kUnsupported, 3101,
                 path + " has journal format " + std::to_string(header.format_version) +
                     ", this binary reads " + std::to_string(kFormatVersion) +
                     ": start the release that wrote it, or a newer one");
  }
  if (header.data_directory_id != data_directory_id || header.journal_id != journal_id) {
    return Error(Code::kCorruption, 3102,
                 path + " belongs to " +
                     (header.data_directory_id != data_directory_id
                          ? std::string("another data directory")
                          : "journal " + std::to_string(header.journal_id) + ", not " +
                                std::to_string(journal_id)) +
                     ": move it back where it came from");
  }
  if (header.segment_id != segment_id || header.epoch != epoch) {
    return Error(Code::kCorruption, 3103,
                 path + " holds " + segment_file_name(header.segment_id, header.epoch) +
                     ": files were swapped or renamed; give each its own name back");
  }
  return ok();
}

// Only our own spelling counts: "segment-1-epoch-1.log" beside the padded name would be one id
// twice.
std::string segment_file_name(std::uint64_t segment_id, std::uint64_t epoch) {
  char text[96];
  std::snprintf(text, sizeof(text), "segment-%012llu-epoch-%06llu.log",
                static_cast<unsigned long long>(segment_id),
                static_cast<unsigned long long>(epoch));
  return text;
}

std::optional<SegmentName> parse_segment_file_name(std::string_view name) {
  std::string_view rest = name;
  SegmentName parsed;
  bool good = take(rest, "segment-") && take_number(rest, parsed.segment_id) &&
              take(rest, "-epoch-") && take_number(rest, parsed.epoch) && rest == ".log";
  if (!good || segment_file_name(parsed.segment_id, parsed.epoch) != name) return std::nullopt;
  return parsed;
}

std::string free_file_name(const SegmentName& name) {
  char text[128];
  std::snprintf(text, sizeof(text), "free-%012llu-epoch-%06llu-before-%llu.log",
                static_cast<unsigned long long>(name.segment_id),
                static_cast<unsigned long long>(name.epoch),
                static_cast<unsigned long long>(name.trimmed_before_sequence));
  return text;
}

std::optional<SegmentName> parse_free_file_name(std::string_view name) {
  std::string_view rest = name;
  SegmentName parsed;
  bool good = take(rest, "free-") && take_number(rest, parsed.segment_id) &&
              take(rest, "-epoch-") && take_number(rest, parsed.epoch) && take(rest, "-before-") &&
              take_number(rest, parsed.trimmed_before_sequence) && rest == ".log";
  if (!good || free_file_name(parsed) != name) return std::nullopt;
  return parsed;
}

std::string preparing_file_name(std::uint64_t number) {
  return "preparing-" + std::to_string(number) + ".log";
}

bool is_preparing_file_name(std::string_view name) {
  return name.starts_with("preparing-") && name.ends_with(".log");
}

}  // namespace freshet::log
