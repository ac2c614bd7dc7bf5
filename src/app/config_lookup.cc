#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "app/config_keys.h"
#include "common/units.h"

namespace freshet::app {
namespace {

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    std::size_t end = pattern.find('.', at);
    parts.push_back(pattern.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

bool matches_part(std::string_view part, const std::string& name) {
  if (part == "*") return !name.empty();
  if (part == "#") {
    return !name.empty() && name.size() <= 4 &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  }
  return part == name;
}

// What may stand at `depth` behind the first parts of `path`; "" among them where any name may.
std::vector<std::string_view> candidates_at(const KeyPath& path, std::size_t depth) {
  std::vector<std::string_view> found;
  for (const KeySpec& spec : known_keys()) {
    auto parts = split(spec.pattern);
    if (parts.size() <= depth) continue;
    bool leads_here = true;
    for (std::size_t i = 0; i < depth; ++i) leads_here &= matches_part(parts[i], path[i]);
    if (!leads_here) continue;
    std::string_view part = parts[depth] == "*" ? "" : parts[depth];
    if (std::find(found.begin(), found.end(), part) == found.end()) found.push_back(part);
  }
  return found;
}

Error unknown_key(const ConfigEntry& entry, std::size_t depth) {
  const std::string& name = entry.path[depth];
  KeyPath section(entry.path.begin(), entry.path.begin() + static_cast<std::ptrdiff_t>(depth));
  auto error = [&](std::string_view help) {
    return Error(Code::kInvalid, kErrorConfigUnknown,
                 fmt::format("{}: unknown key \"{}\"{}", entry.where, name, help));
  };
  if (section.size() == 3 && section[0] == "auth" && (name == "secret" || name == "key")) {
    return error("; a secret stands in a file of its own: secret_file = \"keys/NAME\"");
  }
  auto candidates = candidates_at(entry.path, depth);
  auto nearest = nearest_word(name, candidates.data(), candidates.size());
  if (!nearest.empty()) return error(fmt::format(", did you mean \"{}\"?", nearest));
  std::string all;
  for (std::string_view candidate : candidates) {
    all += fmt::format("{}{}", all.empty() ? "" : ", ", candidate);
  }
  if (section.empty()) return error(fmt::format("; the first level has {}", all));
  if (all.empty()) return error(fmt::format("; {} is a value, not a section", key_text(section)));
  return error(fmt::format("; {} has {}", key_text(section), all));
}

Error wrong_type(const KeySpec& spec, const ConfigEntry& entry, std::string_view example) {
  return {Code::kInvalid, kErrorConfigType,
          fmt::format("{}: {} wants a {}, like {}", entry.where, key_text(entry.path),
                      value_kind_name(spec.kind), example)};
}

Error bad_value(const ConfigEntry& entry, std::string_view what) {
  return {Code::kInvalid, kErrorConfigValue,
          fmt::format("{}: {}: {}", entry.where, key_text(entry.path), what)};
}

Result<std::int64_t> read_count(const KeySpec& spec, const ConfigEntry& entry) {
  if (entry.kind == ConfigEntry::Kind::kInteger) return entry.integer;
  if (!entry.is_plain_text) return wrong_type(spec, entry, "4 or 1_000_000");
  std::string digits = entry.text;
  std::erase(digits, '_');
  std::int64_t number = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed != std::errc() || end != digits.data() + digits.size()) {
    return wrong_type(spec, entry, "4 or 1_000_000");
  }
  return number;
}

Result<std::int64_t> read_bytes(const KeySpec& spec, const ConfigEntry& entry) {
  if (entry.kind == ConfigEntry::Kind::kInteger && entry.integer >= 0) return entry.integer;
  if (entry.kind != ConfigEntry::Kind::kText) return wrong_type(spec, entry, "\"8GiB\"");
  auto parsed = parse_bytes(entry.text);
  if (!parsed) return bad_value(entry, parsed.error().message());
  if (*parsed > static_cast<std::uint64_t>(INT64_MAX)) return bad_value(entry, "too large");
  return static_cast<std::int64_t>(*parsed);
}

Result<std::int64_t> read_duration(const KeySpec& spec, const ConfigEntry& entry) {
  if (entry.kind != ConfigEntry::Kind::kText) return wrong_type(spec, entry, "\"15m\"");
  auto parsed = parse_duration_us(entry.text);
  if (!parsed) return bad_value(entry, parsed.error().message());
  return *parsed;
}

Result<bool> read_boolean(const KeySpec& spec, const ConfigEntry& entry) {
  if (entry.kind == ConfigEntry::Kind::kBoolean) return entry.boolean;
  if (entry.is_plain_text && (entry.text == "true" || entry.text == "false")) {
    return entry.text == "true";
  }
  return wrong_type(spec, entry, "true or false");
}

Result<std::vector<std::string>> read_list(const KeySpec& spec, const ConfigEntry& entry) {
  if (entry.kind == ConfigEntry::Kind::kTextList) return entry.list;
  // Without brackets commas part the texts: FRESHET_TABLES__DETECTIONS__KEYS=camera_id,location_id.
  if (!entry.is_plain_text) return wrong_type(spec, entry, "[\"camera_id\"]");
  if (entry.text.starts_with('[')) {
    FRESHET_TRY(auto entries, parse_config_assignment("list", entry.text, entry.where));
    if (entries.back().kind == ConfigEntry::Kind::kTextList) return entries.back().list;
    return wrong_type(spec, entry, "[\"camera_id\"]");
  }
  std::vector<std::string> list;
  for (std::size_t at = 0; at < entry.text.size();) {
    std::size_t end = std::min(entry.text.find(',', at), entry.text.size());
    list.push_back(entry.text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

Status check_range(const KeySpec& spec, const ConfigEntry& entry, std::int64_t number) {
  if (number >= spec.minimum && number <= spec.maximum) return ok();
  auto show = [&](std::int64_t bound) {
    if (spec.kind == ValueKind::kBytes) return format_bytes(static_cast<std::uint64_t>(bound));
    if (spec.kind == ValueKind::kDuration) return format_duration_us(bound);
    return std::to_string(bound);
  };
  if (spec.maximum == INT64_MAX) {
    return bad_value(entry,
                     fmt::format("{} is too small; at least {}", show(number), show(spec.minimum)));
  }
  return bad_value(entry, fmt::format("{} is outside {} .. {}", show(number), show(spec.minimum),
                                      show(spec.maximum)));
}

}  // namespace

bool matches_key(const KeySpec& spec, const KeyPath& path, KeyNames* names, bool prefix) {
  auto parts = split(spec.pattern);
  if (prefix ? parts.size() < path.size() : parts.size() != path.size()) return false;
  KeyNames found;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!matches_part(parts[i], path[i])) return false;
    if (parts[i] == "*" || parts[i] == "#") found.push_back(path[i]);
  }
  if (names != nullptr) *names = std::move(found);
  return true;
}

const KeySpec* find_key(const KeyPath& path) {
  for (const KeySpec& spec : known_keys()) {
    if (spec.not_offered.empty() && matches_key(spec, path, nullptr)) return &spec;
  }
  return nullptr;
}

Status check_known(const ConfigEntry& entry) {
  for (const KeySpec& spec : known_keys()) {
    if (spec.not_offered.empty()) continue;
    KeyPath start = entry.path;
    start.resize(std::min(start.size(), split(spec.pattern).size()));
    if (!matches_key(spec, start, nullptr)) continue;
    return Error(Code::kUnsupported, kErrorConfigNotOffered,
                 fmt::format("{}: \"{}\" is not offered by this version: it {}", entry.where,
                             key_text(start), spec.not_offered));
  }
  for (std::size_t depth = 0; depth < entry.path.size(); ++depth) {
    bool known = false;
    for (std::string_view candidate : candidates_at(entry.path, depth)) {
      known |= matches_part(candidate.empty() ? "*" : candidate, entry.path[depth]);
    }
    if (!known) return unknown_key(entry, depth);
  }
  bool is_section = entry.kind == ConfigEntry::Kind::kSection;
  if (is_section == (find_key(entry.path) == nullptr)) return ok();
  return Error(Code::kInvalid, kErrorConfigType,
               fmt::format("{}: \"{}\" is a {}", entry.where, key_text(entry.path),
                           is_section ? "value, not a section"
                                      : "section with keys of its own, not a value"));
}

Result<ConfigValue> read_value(const KeySpec& spec, const ConfigEntry& entry) {
  ConfigValue value;
  value.where = entry.where;
  switch (spec.kind) {
    case ValueKind::kText:
    case ValueKind::kPath:
    case ValueKind::kAddress:
      if (entry.kind != ConfigEntry::Kind::kText) return wrong_type(spec, entry, "\"…\"");
      value.text = entry.text;
      if (value.text.empty()) return bad_value(entry, "must not be empty");
      break;
    case ValueKind::kBytes: {
      FRESHET_TRY(value.number, read_bytes(spec, entry));
      break;
    }
    case ValueKind::kDuration: {
      FRESHET_TRY(value.number, read_duration(spec, entry));
      break;
    }
    case ValueKind::kCount: {
      FRESHET_TRY(value.number, read_count(spec, entry));
      break;
    }
    case ValueKind::kBoolean: {
      FRESHET_TRY(value.boolean, read_boolean(spec, entry));
      return value;
    }
    case ValueKind::kTextList: {
      FRESHET_TRY(value.list, read_list(spec, entry));
      return value;
    }
    case ValueKind::kSections: {
      bool is_empty_list = entry.kind == ConfigEntry::Kind::kTextList && entry.list.empty();
      if (entry.kind != ConfigEntry::Kind::kSectionList && !is_empty_list) {
        return wrong_type(spec, entry, "[{ table = \"cameras\", on = \"camera_id\" }]");
      }
      return value;
    }
  }
  if (!spec.only.empty() && value.text != spec.only) {
    return Error(Code::kUnsupported, kErrorConfigNotOffered,
                 fmt::format("{}: {} = \"{}\" is not offered by this version; write \"{}\"",
                             entry.where, key_text(entry.path), value.text, spec.only));
  }
  if (spec.kind == ValueKind::kPath && value.text.find("://") == std::string::npos) {
    auto path = std::filesystem::path(entry.directory) / value.text;
    value.text = path.lexically_normal().string();
  }
  if (spec.kind == ValueKind::kBytes || spec.kind == ValueKind::kDuration ||
      spec.kind == ValueKind::kCount) {
    FRESHET_TRY_STATUS(check_range(spec, entry, value.number));
  }
  return value;
}

std::string key_text(const KeySpec& spec, const KeyNames& names) {
  KeyPath path;
  std::size_t next = 0;
  for (std::string_view part : split(spec.pattern)) {
    bool is_open = (part == "*" || part == "#") && next < names.size();
    path.emplace_back(is_open ? std::string_view(names[next++]) : part);
  }
  return key_text(path);
}

}  // namespace freshet::app
