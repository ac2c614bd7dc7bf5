#include "pipeline/erasure.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/bytes.h"
#include "common/check.h"
#include "pipeline/aggregate.h"
#include "pipeline/event_fields.h"

namespace freshet::pipeline {
namespace {

constexpr std::size_t kUuidBytes = 36;
constexpr std::size_t kFirstDash = 8, kDashes[] = {13, 18, 23};

struct SipState {
  std::uint64_t v0, v1, v2, v3;
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

// As a manifest, a Parquet page and a UUID's text order its bytes.
std::uint64_t big_endian(std::uint64_t word) {
  return __builtin_bswap64(word);
}

}  // namespace

// The reference's algorithm (https://github.com/veorq/SipHash), for messages of 16 bytes alone.
EventId digest_of(EventId id, std::string_view key) {
  FRESHET_CHECK(key.size() == 16);
  auto k0 = load_le<std::uint64_t>(key.data()), k1 = load_le<std::uint64_t>(key.data() + 8);
  SipState state{0x736f6d6570736575ull ^ k0, 0x646f72616e646f6dull ^ k1 ^ 0xee,
                 0x6c7967656e657261ull ^ k0, 0x7465646279746573ull ^ k1};
  state.take(big_endian(id.high));
  state.take(big_endian(id.low));
  state.take(std::uint64_t{16} << 56);
  state.v2 ^= 0xee;
  state.rounds(4);
  EventId digest;
  digest.high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  state.v1 ^= 0xdd;
  state.rounds(4);
  digest.low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  return digest;
}

void ErasedIds::add_digests(std::string_view digests) {
  for (; digests.size() >= kDigestBytes; digests.remove_prefix(kDigestBytes)) {
    digests_.insert(
        {load_le<std::uint64_t>(digests.data()), load_le<std::uint64_t>(digests.data() + 8)});
  }
}

std::string ErasedIds::digests() const {
  std::string all;
  for (EventId digest : digests_) {
    char bytes[kDigestBytes];
    store_le(bytes, digest.high);
    store_le(bytes + 8, digest.low);
    all.append(bytes, kDigestBytes);
  }
  return all;
}

void ErasureRules::add(const catalog::ErasureRow& row) {
  if (!row.camera_id.empty()) ranges.push_back({row.camera_id, row.from_us, row.to_us});
  ids.add_digests(row.digests);
}

bool mentions(std::string_view text, const ErasedIds& ids) {
  if (ids.empty()) return false;
  for (std::size_t at = text.find('-'); at != text.npos; at = text.find('-', at + 1)) {
    if (at < kFirstDash || at - kFirstDash + kUuidBytes > text.size()) continue;
    std::string_view window = text.substr(at - kFirstDash, kUuidBytes);
    bool has_dashes =
        window[kDashes[0]] == '-' && window[kDashes[1]] == '-' && window[kDashes[2]] == '-';
    if (!has_dashes) continue;
    auto id = parse_uuid_or_ulid(window);
    if (id && ids.contains(*id)) return true;
  }
  return false;
}

Eraser::Eraser(const DecodeConfig& config, const ErasureRules& rules)
    : rules_(rules), decoder_(config), rows_(detection_schema()) {}

JudgedEvent Eraser::judge(std::string_view json, std::int64_t arrival_us) {
  rows_.clear();
  decoder_.release_texts();
  Decoded decoded = decoder_.decode(json, arrival_us, rows_);
  JudgedEvent event;
  event.camera_id = decoded.camera_id;
  event.time_us = decoded.event_time_us == 0 ? arrival_us : decoded.event_time_us;
  if (decoded.accepted) {
    event.id = decoded.id;
  } else if (!decoded.id_text.empty()) {
    event.id = decoder_.id_of(decoded.id_text);
  }
  for (const ErasedRange& range : rules_.ranges)
    event.by_range |= range.covers(event.camera_id, event.time_us);
  event.is_erased = event.by_range || (event.id && rules_.ids.contains(*event.id));
  // Where nobody could read the id, it may stand there all the same.
  if (!event.is_erased && !event.id) event.is_erased = mentions(json, rules_.ids);
  return event;
}

std::optional<log::ErasedRecord> Eraser::erase(const log::Record& record, const EachErased& each) {
  auto camera_where_erased = [&](std::string_view json) -> std::optional<std::string> {
    JudgedEvent event = judge(json, record.arrival_us);
    if (!event.is_erased) return std::nullopt;
    if (each) each(event, json);
    return std::string(event.camera_id);
  };
  bool is_aggregate = false;
  std::size_t left = 0;
  if (looks_aggregated(record.data)) {
    std::string outer_key(record.partition_key);
    auto rest = erase_in_aggregate(record.data, [&](const UserRecord& user_record) {
      is_aggregate = true;
      auto camera = camera_where_erased(user_record.data);
      if (!camera) ++left;
      return camera;
    });
    if (rest) {
      // It is the first record's, more often than not.
      bool key_goes = left == 0 || mentions(outer_key, rules_.ids);
      return log::ErasedRecord{log::RecordKind::kPartlyErased, key_goes ? "erased" : outer_key,
                               *std::move(rest)};
    }
    if (is_aggregate) return std::nullopt;
  }
  auto camera = camera_where_erased(record.data);
  if (!camera) return std::nullopt;
  return log::ErasedRecord{log::RecordKind::kErased, "", *std::move(camera)};
}

void Eraser::look(const log::Record& record, const EachErased& each) {
  bool is_event =
      record.kind == log::RecordKind::kData || record.kind == log::RecordKind::kPartlyErased;
  if (is_event) erase(record, each);
}

bool Eraser::judge_row(std::string_view table, std::optional<std::string_view> id,
                       std::optional<std::string_view> camera, std::optional<std::int64_t> time_us,
                       std::optional<std::string_view> raw) {
  if (id && rules_.ids.contains(decoder_.id_of(*id))) return true;
  // Of $dead the event itself tells; its row's time is that of arrival.
  if (raw) return judge(*raw, time_us.value_or(0)).is_erased;
  if (table.ends_with("$dupes") || !camera || !time_us) return false;
  return std::any_of(rules_.ranges.begin(), rules_.ranges.end(),
                     [&](const ErasedRange& range) { return range.covers(*camera, *time_us); });
}

const catalog::HoldRow* hold_on(const std::vector<catalog::HoldRow>& holds,
                                std::string_view camera_id, std::int64_t time_us,
                                std::optional<EventId> digest) {
  for (const catalog::HoldRow& hold : holds) {
    if (hold.lifted_us != 0) continue;
    if (hold.digest.empty()) {
      if (ErasedRange{hold.camera_id, hold.from_us, hold.to_us}.covers(camera_id, time_us))
        return &hold;
    } else if (digest && hold.digest.size() == ErasedIds::kDigestBytes &&
               load_le<std::uint64_t>(hold.digest.data()) == digest->high &&
               load_le<std::uint64_t>(hold.digest.data() + 8) == digest->low) {
      return &hold;
    }
  }
  return nullptr;
}

}  // namespace freshet::pipeline
