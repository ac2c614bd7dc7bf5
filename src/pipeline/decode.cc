#include "pipeline/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>

#include "pipeline/canonical_json.h"
#include "pipeline/event_fields.h"
#include "pipeline/event_row.h"
#include "pipeline/json_reader.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {
namespace {

bool has_upper_case(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t any = 0;
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
    std::uint64_t seven = word & (kOnes * 0x7F);
    any |= ((seven + kOnes * (0x80 - 'A')) ^ (seven + kOnes * (0x7F - 'Z'))) & ~word;
  }
  return (any & (kOnes * 0x80)) != 0;
}

// The names of the last event by their place, quotes and colon included: cameras send the same
// shape again and again, so that comparing sixteen bytes mostly stands for reading and looking up a
// name.
struct ExpectedName {
  char bytes[16] = {};
  std::uint8_t size = 0;
  Field field = Field::kUnknown;
};
constexpr std::size_t kExpectedNames = 12;

}  // namespace

struct Decoder::State {
  explicit State(const DecodeConfig& c) : config(c) {}

  Decoded decode(std::string_view json, std::int64_t arrival_us, ColumnBatch& rows);

  // Reading. All but refuse() say false only where the JSON itself is wrong: a field that breaks a
  // rule is refused and reading goes on, for the id and camera behind it.
  bool read_event(JsonReader& reader);
  bool read_member(ExpectedName* expected, JsonReader& reader);
  bool read_field(Field field, std::string_view key, JsonReader& reader);
  bool read_text_field(Field field, std::size_t bytes_max, JsonReader& reader,
                       std::string_view& to);
  bool read_number_field(Field field, JsonReader& reader);
  bool read_time(JsonReader& reader);
  bool read_box(JsonReader& reader);
  bool read_box_array(JsonReader& reader, double (&parts)[4], int& count, bool& numbers);
  bool read_box_object(JsonReader& reader, double (&parts)[4], int& count, bool& numbers);
  bool read_box_name(JsonReader& reader, int usual, int& part);
  bool read_attributes(JsonReader& reader);
  bool read_kind(JsonReader& reader);
  bool read_unknown(std::string_view key, JsonReader& reader);
  bool skip_wrong(Field field, std::string_view expected, JsonReader& reader);
  bool read_id(JsonReader& reader);
  void check_complete(std::int64_t arrival_us);
  void finish_attributes();
  void note_unknown(std::string_view key);
  // The text of a string token: in place, or unescaped in the arena.
  std::string_view text_of(JsonString token) { return token.escaped ? unescape(token) : token.raw; }
  std::string_view unescape(JsonString token);
  // Of all that is wrong with an event the field that stands first in the schema is named, so that
  // the order of names in the JSON makes no difference.
  template <typename... Args>
  void refuse(Field field, Reason reason, fmt::format_string<Args...> words, Args&&... args) {
    if (refused && refused_field <= field) return;
    refused = true;
    refused_field = field;
    refused_reason = reason;
    refused_detail = fmt::format(words, std::forward<Args>(args)...);
  }

  DecodeConfig config;
  TextArena arena;
  CanonicalObject unknown;
  std::string canonical;  // scratch
  std::string unescaped;  // scratch
  std::vector<NearMiss> near_misses;
  // Unknown names seen, with the index of their near miss or -1. Bounded, so that names without end
  // cost no memory; what comes after is not looked at.
  std::map<std::string, int, std::less<>> seen_unknown;
  std::uint64_t dropped_boxes = 0;
  std::array<ExpectedName, kExpectedNames> expected_names;

  // Of the event in work.
  EventValues values;
  std::uint32_t seen = 0;  // fields named, null or not
  std::string_view written_id;
  bool box_bad = false;
  bool refused = false;
  Field refused_field = Field::kUnknown;
  Reason refused_reason = Reason::kParse;
  std::string refused_detail;
};

Decoder::Decoder(const DecodeConfig& config) : state_(std::make_unique<State>(config)) {}
Decoder::~Decoder() = default;

Decoded Decoder::decode(std::string_view json, std::int64_t arrival_us, ColumnBatch& rows) {
  return state_->decode(json, arrival_us, rows);
}

void Decoder::release_texts() {
  state_->arena.release();
}

EventId Decoder::id_of(std::string_view id_text) const {
  if (auto id = parse_uuid_or_ulid(id_text)) return *id;
  return hash_id(id_text, state_->config.id_seed);
}

const std::vector<NearMiss>& Decoder::near_misses() const {
  return state_->near_misses;
}

std::uint64_t Decoder::dropped_boxes() const {
  return state_->dropped_boxes;
}

Decoded Decoder::State::decode(std::string_view json, std::int64_t arrival_us, ColumnBatch& rows) {
  values = {};
  seen = 0;
  written_id = {};
  box_bad = false;
  refused = false;
  unknown.clear();

  Decoded result;
  if (json.size() > kEventBytesMax) {
    result.reason = Reason::kTooLarge;
    result.detail =
        fmt::format("the event has {} bytes; at most {} are taken", json.size(), kEventBytesMax);
    return result;
  }
  JsonReader reader(json);
  bool is_json = read_event(reader);
  result.id_text = written_id;
  result.id = values.id;
  result.camera_id = values.camera_id;
  result.event_time_us = values.event_time_us;
  if (!is_json) {
    result.reason = Reason::kParse;
    result.detail = fmt::format("{} at byte {}", reader.error(), reader.error_offset());
    return result;
  }
  if (!unknown.empty()) finish_attributes();
  check_complete(arrival_us);
  if (refused) {
    result.reason = refused_reason;
    result.detail = std::move(refused_detail);
    return result;
  }
  result.accepted = true;
  result.content = hash_content(values, config.id_seed);
  if (box_bad) ++dropped_boxes;
  append_row(values, rows);
  return result;
}

bool Decoder::State::read_event(JsonReader& reader) {
  if (!reader.take('{')) return reader.fail("an event is one JSON object: expected {");
  if (!reader.take('}')) {
    for (std::size_t place = 0;; ++place) {
      ExpectedName* expected = place < kExpectedNames ? &expected_names[place] : nullptr;
      if (expected != nullptr && expected->size != 0 &&
          reader.take_bytes(expected->bytes, expected->size)) {
        if (!read_field(expected->field, {}, reader)) return false;
      } else if (!read_member(expected, reader)) {
        return false;
      }
      if (reader.take('}')) break;
      if (!reader.take(',')) return reader.fail("expected a comma or }");
    }
  }
  return reader.at_end() || reader.fail("more stands behind the event's closing }");
}

bool Decoder::State::read_member(ExpectedName* expected, JsonReader& reader) {
  reader.peek();
  std::size_t begin = reader.offset();
  JsonString key;
  if (!reader.read_string(key)) return false;
  if (!reader.take(':')) return reader.fail("expected a colon");
  std::string_view name = text_of(key);
  Field field = find_field(name);
  std::string_view written = reader.slice(begin, reader.offset());
  if (expected != nullptr && field != Field::kUnknown && !key.escaped &&
      written.size() == name.size() + 3 && written.size() <= sizeof(expected->bytes)) {
    std::memcpy(expected->bytes, written.data(), written.size());
    expected->size = static_cast<std::uint8_t>(written.size());
    expected->field = field;
  }
  return read_field(field, name, reader);
}

bool Decoder::State::read_field(Field field, std::string_view key, JsonReader& reader) {
  if (field == Field::kUnknown) return read_unknown(key, reader);
  std::uint32_t bit = 1u << static_cast<unsigned>(field);
  if ((seen & bit) != 0) {
    refuse(field, Reason::kSchema, "{} stands twice, by its name or its alias", field_name(field));
    return reader.skip_value(1);
  }
  seen |= bit;
  if (reader.peek() == 'n' && field != Field::kKind) return reader.read_literal("null");
  switch (field) {
    case Field::kDetectionId:
      return read_id(reader);
    case Field::kCameraId:
      return read_text_field(field, kTextBytesMax, reader, values.camera_id);
    case Field::kLocationId:
      return read_text_field(field, kTextBytesMax, reader, values.location_id);
    case Field::kItemName:
      return read_text_field(field, kTextBytesMax, reader, values.item_name);
    case Field::kTrackId:
      return read_text_field(field, kTextBytesMax, reader, values.track_id);
    case Field::kMediaRef:
      return read_text_field(field, kMediaBytesMax, reader, values.media_ref);
    case Field::kConfidence:
    case Field::kFrameNo:
      return read_number_field(field, reader);
    case Field::kEventTime:
      return read_time(reader);
    case Field::kBox:
      return read_box(reader);
    case Field::kAttributes:
      return read_attributes(reader);
    case Field::kRevision:
      refuse(field, Reason::kSchema,
             "revision belongs to streams in mode track, and this stream appends");
      return reader.skip_value(1);
    case Field::kKind:
      return read_kind(reader);
    case Field::kUnknown:
      break;
  }
  return reader.skip_value(1);
}

bool Decoder::State::skip_wrong(Field field, std::string_view expected, JsonReader& reader) {
  std::size_t at = reader.offset();
  bool is_json = reader.skip_value(1);
  refuse(field, Reason::kSchema, "{} at byte {} is not {}", field_name(field), at, expected);
  return is_json;
}

std::string_view Decoder::State::unescape(JsonString token) {
  unescaped.clear();
  append_unescaped(token, unescaped);
  return arena.copy(unescaped);
}

// Texts, and integers where the schema allows them, which become their digits. An empty text is an
// absent one.
bool Decoder::State::read_text_field(Field field, std::size_t bytes_max, JsonReader& reader,
                                     std::string_view& to) {
  bool integers =
      field == Field::kDetectionId || field == Field::kLocationId || field == Field::kTrackId;
  char first = reader.peek();
  std::size_t at = reader.offset();
  std::string_view text;
  bool escaped = false;
  if (first == '"') [[likely]] {
    JsonString token;
    if (!reader.read_string(token)) return false;
    escaped = token.escaped;
    text = text_of(token);
  } else if (integers && (first == '-' || (first >= '0' && first <= '9'))) {
    JsonNumber number;
    if (!reader.read_number(number)) return false;
    canonical.clear();
    if (number.raw.size() <= 2 * kTextBytesMax) append_canonical_number(number, canonical);
    bool negative_track = field == Field::kTrackId && number.negative && number.digits != 0;
    if (canonical.empty() || negative_track || canonical.find_first_of(".e") != std::string::npos) {
      refuse(field, Reason::kSchema, "{} at byte {} is a number, but not {}", field_name(field), at,
             field == Field::kTrackId ? "a whole one from 0 to 2^64 - 1" : "a whole one");
      return true;
    }
    text = canonical == number.raw ? number.raw : arena.copy(canonical);
  } else {
    return skip_wrong(field, integers ? "a text or a whole number" : "a text", reader);
  }
  if (text.size() > bytes_max) {
    refuse(field, Reason::kTooLarge, "{} at byte {} has {} bytes; at most {} are taken",
           field_name(field), at, text.size(), bytes_max);
    return true;
  }
  // Keys, SQL clients and files downstream end texts at a NUL. Only an escape can make one.
  if (escaped && text.find('\0') != std::string_view::npos) {
    refuse(field, Reason::kSchema, "{} at byte {} holds a NUL character", field_name(field), at);
    return true;
  }
  if (text.empty()) return true;
  if (field == Field::kItemName && has_upper_case(text)) {
    char* lower = arena.allocate(text.size());
    std::transform(text.begin(), text.end(), lower,
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    text = {lower, text.size()};
  }
  to = text;
  values.set(field);
  return true;
}

bool Decoder::State::read_id(JsonReader& reader) {
  std::string_view text;
  if (!read_text_field(Field::kDetectionId, kTextBytesMax, reader, text)) return false;
  if (text.empty()) return true;
  written_id = text;
  if (auto own = parse_uuid_or_ulid(text)) {
    values.id = *own;
  } else {
    values.id = hash_id(text, config.id_seed);
    values.id_text = text;
  }
  return true;
}

bool Decoder::State::read_number_field(Field field, JsonReader& reader) {
  char first = reader.peek();
  std::size_t at = reader.offset();
  if (first != '-' && (first < '0' || first > '9')) return skip_wrong(field, "a number", reader);
  JsonNumber number;
  if (!reader.read_number(number)) return false;
  std::string_view shown = number.raw.substr(0, 32);
  if (field == Field::kConfidence) {
    double value = number.to_double();
    if (!(value >= 0 && value <= 1)) {
      refuse(field, Reason::kSchema, "confidence {} at byte {} is not between 0 and 1", shown, at);
      return true;
    }
    values.confidence_e4 = static_cast<std::uint16_t>(value * 10'000 + 0.5);
  } else {
    if (number.plain_integer && !number.negative && number.raw.size() < 20) {
      values.frame_no = number.digits;
      values.set(field);
      return true;
    }
    canonical.clear();
    if (number.raw.size() <= 2 * kTextBytesMax) append_canonical_number(number, canonical);
    auto [end, code] =
        std::from_chars(canonical.data(), canonical.data() + canonical.size(), values.frame_no);
    if (code != std::errc() || end != canonical.data() + canonical.size()) {
      refuse(field, Reason::kSchema,
             "frame_no {} at byte {} is not a whole number from 0 to 2^64 - 1", shown, at);
      return true;
    }
  }
  values.set(field);
  return true;
}

bool Decoder::State::read_time(JsonReader& reader) {
  char first = reader.peek();
  std::size_t at = reader.offset();
  EventTime time;
  std::string_view shown;
  if (first == '"') {
    JsonString token;
    if (!reader.read_string(token)) return false;
    shown = text_of(token);
    time = time_of_text(shown);
  } else if (first == '-' || (first >= '0' && first <= '9')) {
    JsonNumber number;
    if (!reader.read_number(number)) return false;
    shown = number.raw;
    time = time_of_number(number);
  } else {
    return skip_wrong(Field::kEventTime, "a text or a number", reader);
  }
  shown = shown.substr(0, 64);
  if (time.problem == TimeProblem::kNoZone) {
    refuse(Field::kEventTime, Reason::kNoZone,
           "event_time {} at byte {} has no time zone; write Z or an offset behind it", shown, at);
  } else if (time.problem == TimeProblem::kBad) {
    refuse(Field::kEventTime, Reason::kBadTime,
           "event_time {} at byte {} is neither an RFC 3339 time nor a count since 1970", shown,
           at);
  } else {
    values.event_time_us = time.us;
    values.set(Field::kEventTime);
  }
  return true;
}

bool Decoder::State::read_box_array(JsonReader& reader, double (&parts)[4], int& count,
                                    bool& numbers) {
  reader.take('[');
  if (reader.take(']')) return true;
  while (true) {
    char first = reader.peek();
    if (first == '-' || (first >= '0' && first <= '9')) {
      JsonNumber number;
      if (!reader.read_number(number)) return false;
      if (count < 4) parts[count] = number.to_double();
    } else {
      numbers = false;
      if (!reader.skip_value(2)) return false;
    }
    ++count;
    if (reader.take(']')) return true;
    if (!reader.take(',')) return reader.fail("expected a comma or ]");
  }
}

// The name of a box's part, taken with its colon: 0..3, or -1 for another name.
bool Decoder::State::read_box_name(JsonReader& reader, int usual, int& part) {
  static constexpr char kNames[4][16] = {"\"x\":", "\"y\":", "\"w\":", "\"h\":"};
  part = usual;
  if (usual < 4 && reader.take_bytes(kNames[usual], 4)) return true;
  JsonString key;
  if (!reader.read_string(key)) return false;
  part = -1;
  for (int i = 0; i < 4; ++i) {
    if (key.raw.size() == 1 && key.raw[0] == kNames[i][1]) part = i;
  }
  return reader.take(':') || reader.fail("expected a colon");
}

bool Decoder::State::read_box_object(JsonReader& reader, double (&parts)[4], int& count,
                                     bool& numbers) {
  unsigned parts_seen = 0;
  reader.take('{');
  if (reader.take('}')) return true;
  while (true) {
    int part = -1;
    if (!read_box_name(reader, count, part)) return false;
    char first = reader.peek();
    if (part >= 0 && (parts_seen >> part & 1) == 0 &&
        (first == '-' || (first >= '0' && first <= '9'))) {
      JsonNumber number;
      if (!reader.read_number(number)) return false;
      parts[part] = number.to_double();
      parts_seen |= 1u << part;
    } else {
      numbers = false;
      if (!reader.skip_value(2)) return false;
    }
    ++count;
    if (reader.take('}')) return true;
    if (!reader.take(',')) return reader.fail("expected a comma or }");
  }
}

bool Decoder::State::read_box(JsonReader& reader) {
  constexpr std::string_view kExpected = "[x, y, w, h] or {\"x\", \"y\", \"w\", \"h\"} of numbers";
  char first = reader.peek();
  std::size_t at = reader.offset();
  if (first != '[' && first != '{') return skip_wrong(Field::kBox, kExpected, reader);
  double parts[4] = {};
  int count = 0;
  bool numbers = true;
  if (!(first == '[' ? read_box_array(reader, parts, count, numbers)
                     : read_box_object(reader, parts, count, numbers))) {
    return false;
  }
  if (count != 4 || !numbers) {
    refuse(Field::kBox, Reason::kSchema, "bbox at byte {} is not {}", at, kExpected);
  } else if (auto box = box_of(parts[0], parts[1], parts[2], parts[3])) {
    values.box = *box;
    values.set(Field::kBox);
  } else if (config.box_required) {
    refuse(Field::kBox, Reason::kBadBox,
           "bbox at byte {} has no area inside the frame; it is left, top, width and height as "
           "fractions of the frame",
           at);
  } else {
    box_bad = true;
  }
  return true;
}

bool Decoder::State::read_attributes(JsonReader& reader) {
  if (reader.peek() != '{') return skip_wrong(Field::kAttributes, "an object", reader);
  return unknown.add_members_of_object(reader, 1);
}

bool Decoder::State::read_kind(JsonReader& reader) {
  if (reader.peek() == '"') {
    JsonReader ahead = reader;
    JsonString token;
    if (!ahead.read_string(token)) return reader.read_string(token);
    if (token.raw == "heartbeat") {
      refuse(Field::kDetectionId, Reason::kSchema,
             "this is a heartbeat; a stream of detections does not take them");
    }
  }
  return unknown.add_member("kind", reader, 1);
}

bool Decoder::State::read_unknown(std::string_view key, JsonReader& reader) {
  note_unknown(key);
  return unknown.add_member(key, reader, 1);
}

void Decoder::State::note_unknown(std::string_view key) {
  constexpr std::size_t kSeenMax = 256;
  auto found = seen_unknown.find(key);
  if (found == seen_unknown.end()) {
    if (seen_unknown.size() >= kSeenMax || key.size() > kTextBytesMax) return;
    auto near = find_near_field(key);
    bool room = near_misses.size() < kNearMissesMax;
    int index = near && room ? static_cast<int>(near_misses.size()) : -1;
    if (index >= 0) near_misses.push_back({std::string(key), field_name(*near), 0});
    found = seen_unknown.emplace(key, index).first;
  }
  if (found->second >= 0) ++near_misses[static_cast<std::size_t>(found->second)].events;
}

void Decoder::State::finish_attributes() {
  if (!unknown.finish(canonical)) {
    refuse(Field::kAttributes, Reason::kSchema, "attributes: {}", unknown.problem());
  } else if (canonical.size() > kAttributesBytesMax) {
    refuse(Field::kAttributes, Reason::kTooLarge,
           "attributes, with unknown fields, have {} bytes; at most {} are taken", canonical.size(),
           kAttributesBytesMax);
  } else {
    values.attributes = arena.copy(canonical);
    values.set(Field::kAttributes);
  }
}

void Decoder::State::check_complete(std::int64_t arrival_us) {
  if (!values.has(Field::kDetectionId)) {
    refuse(Field::kDetectionId, Reason::kNoId, "detection_id is missing or empty");
  }
  for (Field field : {Field::kCameraId, Field::kItemName, Field::kEventTime}) {
    if (!values.has(field))
      refuse(field, Reason::kSchema, "{} is missing or empty", field_name(field));
  }
  if (values.has(Field::kEventTime) && values.event_time_us > arrival_us + config.ahead_max_us) {
    refuse(Field::kEventTime, Reason::kFuture,
           "event_time is {} s ahead of its arrival; at most {} s are taken",
           (values.event_time_us - arrival_us) / 1'000'000, config.ahead_max_us / 1'000'000);
  }
}

}  // namespace freshet::pipeline
