#include "app/config_reference.h"

#include <fmt/format.h>

#include "app/config_keys.h"
#include "common/units.h"

namespace freshet::app {
namespace {

std::string default_of(const KeySpec& spec) {
  if (!spec.default_words.empty()) return std::string(spec.default_words);
  if (spec.show == nullptr) return "";
  static const Config kDefaults;
  return spec.show({kDefaults, {"NAME", "0"}});
}

std::string range_of(const KeySpec& spec) {
  bool is_number = spec.kind == ValueKind::kBytes || spec.kind == ValueKind::kDuration ||
                   spec.kind == ValueKind::kCount;
  if (!is_number) return "";
  auto show = [&](std::int64_t bound) {
    if (spec.kind == ValueKind::kBytes) return format_bytes(static_cast<std::uint64_t>(bound));
    if (spec.kind == ValueKind::kDuration) return format_duration_us(bound);
    return std::to_string(bound);
  };
  if (spec.maximum == INT64_MAX) {
    return spec.minimum > 0 ? fmt::format("at least {}", show(spec.minimum)) : "";
  }
  return fmt::format("{} .. {}", show(spec.minimum), show(spec.maximum));
}

// `*` and `#` as people read them.
std::string readable(std::string_view pattern) {
  std::string out;
  for (char c : pattern) {
    if (c == '*') {
      out += "NAME";
    } else if (c == '#') {
      out += "N";
    } else {
      out += c;
    }
  }
  return out;
}

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string json_string(std::string_view text) {
  return toml_string(text);  // the same escapes, for the texts of our table
}

constexpr std::string_view kIntroduction =
    R"(<!-- Made from src/app/config_keys.cc: change it there, then run `freshet config schema --markdown`. -->
# Configuration

One TOML file (`freshet serve --config FILE`), then `conf.d/*.toml` beside it by name, then the
environment, then flags: the later wins, key by key. A list of tables (`join`) is replaced whole.
`freshet config show --origin` prints every value and where it came from; `freshet config check`
tries a file without starting anything.

- Environment: `FRESHET_LIMITS__QUERY__TIME=30s` is `limits.query.time`. Secrets come from files only.
- Flags: `--data DIR`, and `--set KEY=VALUE` for every key.
- Relative paths start at the main file's folder; those of flags and environment at the current one.
- Durations: `500ms`, `15m`, `1h30m`, `24h`, `7d`. Sizes: `64MiB`, `800GB`, or bytes as a number.
- An unknown key is an error that names the nearest known one.
- What the file declares is made at the start and kept so; it deletes nothing.
- Without a pipeline there is a built-in one, from the stream `detections` into the table
  `detections`, which joins the references `cameras` and `locations` where they are declared.
- Without a file: that pipeline, and both doors on 127.0.0.1.

)";

}  // namespace

std::string configuration_reference() {
  std::string out(kIntroduction);
  out += "| key | type | default | range | what it is |\n|---|---|---|---|---|\n";
  for (const KeySpec& spec : known_keys()) {
    if (!spec.not_offered.empty()) continue;
    std::string fallback = default_of(spec);
    bool is_words = fallback.find(' ') != std::string::npos && fallback[0] != '[';
    if (!fallback.empty() && !is_words) fallback = "`" + fallback + "`";
    std::string doc(spec.doc);
    if (!spec.only.empty()) doc += fmt::format(" This version takes \"{}\" only.", spec.only);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", readable(spec.pattern),
                       value_kind_name(spec.kind), cell(fallback), range_of(spec), cell(doc));
  }
  out += "\n## Known, but not offered by this version\nEach is refused with FRS-1110.\n\n";
  for (const KeySpec& spec : known_keys()) {
    if (spec.not_offered.empty()) continue;
    out += fmt::format("- `{}`: {}\n", readable(spec.pattern), spec.not_offered);
  }
  return out;
}

std::string configuration_schema_plain() {
  std::string out;
  for (const KeySpec& spec : known_keys()) {
    if (!spec.not_offered.empty()) continue;
    out += fmt::format("{}\t{}\t{}\t{}\n", readable(spec.pattern), value_kind_name(spec.kind),
                       default_of(spec), spec.doc);
  }
  return out;
}

std::string configuration_schema_json() {
  std::string keys, missing;
  for (const KeySpec& spec : known_keys()) {
    if (!spec.not_offered.empty()) {
      missing += fmt::format("{}{{\"key\":{},\"why\":{}}}", missing.empty() ? "" : ",",
                             json_string(readable(spec.pattern)), json_string(spec.not_offered));
      continue;
    }
    keys +=
        fmt::format("{}{{\"key\":{},\"type\":{},\"default\":{},\"doc\":{}", keys.empty() ? "" : ",",
                    json_string(readable(spec.pattern)), json_string(value_kind_name(spec.kind)),
                    json_string(default_of(spec)), json_string(spec.doc));
    if (std::string range = range_of(spec); !range.empty()) {
      keys += fmt::format(",\"range\":{}", json_string(range));
    }
    keys += "}";
  }
  return fmt::format("{{\"api\":\"v1\",\"keys\":[{}],\"not_offered\":[{}]}}", keys, missing);
}

}  // namespace freshet::app
