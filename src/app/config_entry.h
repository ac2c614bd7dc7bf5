// What configuration files, environment and flags say, before anybody asks what it means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "common/result.h"

namespace freshet::app {

// FRS numbers of the configuration.
inline constexpr int kErrorConfigFile = 1101;        // cannot be read
inline constexpr int kErrorConfigSyntax = 1102;      // is not TOML
inline constexpr int kErrorConfigType = 1103;        // a number where a text must stand
inline constexpr int kErrorConfigUnknown = 1104;     // a key that does not exist
inline constexpr int kErrorConfigValue = 1105;       // badly written, or out of range
inline constexpr int kErrorConfigMissing = 1106;     // a key that must be given
inline constexpr int kErrorConfigConflict = 1107;    // two keys that do not fit each other
inline constexpr int kErrorConfigAccess = 1108;      // open to others without keys
inline constexpr int kErrorConfigSecret = 1109;      // a secret file that cannot be used
inline constexpr int kErrorConfigNotOffered = 1110;  // known, but not in this version

using KeyPath = std::vector<std::string>;  // {"streams", "detections", "keep", "time"}

struct ConfigEntry {
  enum class Kind { kSection, kText, kInteger, kReal, kBoolean, kTextList, kSectionList, kOther };
  KeyPath path;  // elements of a list of sections are named "0", "1", …
  Kind kind = Kind::kOther;
  std::string text;
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<std::string> list;
  // Given as plain text (environment, flag): what it means depends on the key.
  bool is_plain_text = false;
  std::string where;      // "freshet.toml:34"
  std::string directory;  // where relative paths start
};

// "pipelines.detections.join[0].on", quoted where TOML wants it.
std::string key_text(const KeyPath& path);

// The file, then conf.d/*.toml beside it by name; each file's entries in the order of its lines,
// parents before children.
Result<std::vector<ConfigEntry>> read_config_files(const std::string& file);
Result<std::vector<ConfigEntry>> parse_config_text(std::string_view text, const std::string& name,
                                                   const std::string& directory);
// `key` as in a file ("listen.aws"), `value` bare or as TOML.
Result<std::vector<ConfigEntry>> parse_config_assignment(const std::string& key,
                                                         const std::string& value,
                                                         const std::string& where);
// FRESHET_LIMITS__QUERY__MEMORY is limits.query.memory. A name without "__" counts only where it is
// a key of the first level; the others (FRESHET_SERVER …) are the clients'.
std::vector<ConfigEntry> config_entries_of_environment(
    const std::vector<std::pair<std::string, std::string>>& environment);

// The text as a TOML string.
std::string toml_string(std::string_view text);

}  // namespace freshet::app
