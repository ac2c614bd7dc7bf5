#include "app/erasure_scan.h"

#include <cstring>

#include "common/bytes.h"
#include "pipeline/event_fields.h"

namespace freshet::app {
namespace {

constexpr std::size_t kPieceBytes = 4u << 20;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kHexDigits = 32;
constexpr std::size_t kLongestForm = 36;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Most of a segment, until it is full.
bool is_all_zeros(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

bool holds_hex(std::string_view bytes, const pipeline::ErasedIds& ids) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    run = is_hex(bytes[i]) ? run + 1 : 0;
    if (run < kHexDigits) continue;
    auto id = pipeline::parse_uuid_or_ulid(bytes.substr(i + 1 - kHexDigits, kHexDigits));
    if (id && ids.contains(*id)) return true;
  }
  return false;
}

bool holds_raw(std::string_view bytes, const pipeline::ErasedIds& ids, ScanForms forms) {
  for (std::size_t i = 0; i + kIdBytes <= bytes.size(); ++i) {
    auto first = load_le<std::uint64_t>(bytes.data() + i);
    auto second = load_le<std::uint64_t>(bytes.data() + i + 8);
    if (first == 0 && second == 0) continue;
    if (ids.contains({__builtin_bswap64(first), __builtin_bswap64(second)})) return true;
    if (forms != ScanForms::kMemory) continue;
    if (ids.contains({first, second}) || ids.contains({second, first})) return true;
  }
  return false;
}

Status scan_file(io::Disk& disk, const std::string& path, const pipeline::ErasedIds& ids,
                 ScanForms forms, ScanReport& report) {
  auto opened = disk.open(path, io::OpenMode::kRead);
  // Of the catalog's own, which may go at any time.
  if (!opened && opened.error().code() == Code::kNotFound) return ok();
  if (!opened) return std::move(opened).error();
  ++report.files;
  std::string piece;
  std::size_t kept = 0;
  bool found = false;
  for (std::uint64_t offset = 0;;) {
    piece.resize(kept + kPieceBytes);
    FRESHET_TRY(std::size_t got, (*opened)->read(offset, std::as_writable_bytes(std::span(
                                                             piece.data() + kept, kPieceBytes))));
    piece.resize(kept + got);
    offset += got;
    report.bytes += got;
    found = found || (!is_all_zeros(piece) && holds_an_id(piece, ids, forms));
    if (got < kPieceBytes) break;
    // A form may lie across two pieces.
    kept = kLongestForm - 1;
    piece = piece.substr(piece.size() - kept);
  }
  if (found) report.found_in.push_back(path);
  return ok();
}

}  // namespace

bool holds_an_id(std::string_view bytes, const pipeline::ErasedIds& ids, ScanForms forms) {
  if (ids.empty()) return false;
  if (pipeline::mentions(bytes, ids) || holds_hex(bytes, ids)) return true;
  return forms != ScanForms::kTexts && holds_raw(bytes, ids, forms);
}

Status scan_folder(io::Disk& disk, const std::string& folder, const pipeline::ErasedIds& ids,
                   const std::string& texts_alone, ScanReport& report) {
  FRESHET_TRY(auto names, disk.list(folder));
  for (const std::string& name : names) {
    std::string path = folder + "/" + name;
    auto facts = disk.look_at(path);
    if (!facts && facts.error().code() == Code::kNotFound) continue;
    if (!facts) return std::move(facts).error();
    if (facts->is_directory) {
      FRESHET_TRY_STATUS(scan_folder(disk, path, ids, texts_alone, report));
    } else {
      ScanForms forms = path.starts_with(texts_alone + "/") ? ScanForms::kTexts
                        : name.ends_with(".parquet")        ? ScanForms::kFiles
                                                            : ScanForms::kMemory;
      FRESHET_TRY_STATUS(scan_file(disk, path, ids, forms, report));
    }
  }
  return ok();
}

}  // namespace freshet::app
