// The one table of configuration keys. Parsing, the check for unknown keys, `config show`,
// `config schema` and docs/reference/configuration.md all read it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/config_entry.h"
#include "common/result.h"

namespace freshet::app {

enum class ValueKind {
  kText,
  kPath,      // text; relative ones start at the main configuration file
  kAddress,   // "127.0.0.1:4566"
  kBytes,     // "64MiB"
  kDuration,  // "15m"
  kCount,
  kBoolean,
  kTextList,
  kSections,  // a list of tables, whose keys follow as NAME.#.key
};
std::string_view value_kind_name(ValueKind kind);

struct ConfigValue {
  std::string text;
  std::int64_t number = 0;  // count, bytes, or microseconds
  bool boolean = false;
  std::vector<std::string> list;
  std::string where;
};

// What '*' and '#' of a pattern stand for, in order: {"detections", "0"}.
using KeyNames = std::vector<std::string>;

struct KeyTarget {
  Config& config;
  const KeyNames& names;
  const ConfigValue& value;
};
struct KeySource {
  const Config& config;
  const KeyNames& names;
};

struct KeySpec {
  std::string_view pattern;  // "streams.*.keep.time"; '*' is a name, '#' a place in a list
  ValueKind kind = ValueKind::kText;
  std::string_view doc = "";
  std::string_view default_words = "";  // "": what show() gives for an empty configuration
  std::int64_t minimum = 0;
  std::int64_t maximum = INT64_MAX;
  void (*set)(KeyTarget at) = nullptr;
  // As TOML; "" where the key has no value. Null for what stands inside a list of sections: the
  // list shows it.
  std::string (*show)(KeySource at) = nullptr;
  // Known from the design, but a later version's: why, and what to write now. Such a pattern covers
  // all below it.
  std::string_view not_offered = "";
  std::string_view only = "";  // the one text that this version takes
};

// In the order of the reference page.
std::span<const KeySpec> known_keys();

const KeySpec* find_key(const KeyPath& path);
// Matches `path` against a pattern; fills `names`. True also where `path` only leads to it, if
// `prefix`.
bool matches_key(const KeySpec& spec, const KeyPath& path, KeyNames* names, bool prefix = false);
// FRS-1104 for a path that no pattern matches or passes, naming the nearest; FRS-1110 for what is
// not offered.
Status check_known(const ConfigEntry& entry);
// The entry's value as its key wants it: type, form and range (FRS-1103, FRS-1105).
Result<ConfigValue> read_value(const KeySpec& spec, const ConfigEntry& entry);
// Makes the section a header names, though it may hold no key: [streams.detections].
void declare_section(Config& config, const KeyPath& path);
// All names for which `spec` has a value in this configuration; of keys with show() alone.
std::vector<KeyNames> names_of(const KeySpec& spec, const Config& config);
// The pattern with its names filled in.
std::string key_text(const KeySpec& spec, const KeyNames& names);

}  // namespace freshet::app
