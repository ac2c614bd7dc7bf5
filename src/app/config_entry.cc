#include "app/config_entry.h"

#define TOML_EXCEPTIONS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/config_keys.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kFileBytesMax = 4u << 20;

bool is_bare_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool is_index(std::string_view key) {
  return !key.empty() &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error syntax_error(const std::string& name, const toml::parse_error& error) {
  return {Code::kInvalid, kErrorConfigSyntax,
          fmt::format("{}:{}: {}", name, static_cast<std::size_t>(error.source().begin.line),
                      error.description())};
}

// Walks one parsed document.
class Flattener {
 public:
  Flattener(std::string name, std::string directory, bool has_lines)
      : name_(std::move(name)), directory_(std::move(directory)), has_lines_(has_lines) {}

  std::vector<ConfigEntry> run(const toml::table& document) {
    for (const auto& [key, node] : document) visit({std::string(key.str())}, node);
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Found& a, const Found& b) { return a.line < b.line; });
    std::vector<ConfigEntry> entries;
    for (Found& found : found_) entries.push_back(std::move(found.entry));
    return entries;
  }

 private:
  struct Found {
    std::size_t line;
    ConfigEntry entry;
  };

  void visit(KeyPath path, const toml::node& node) {
    std::size_t line = node.source().begin.line;
    ConfigEntry entry;
    entry.path = path;
    entry.where = has_lines_ ? fmt::format("{}:{}", name_, line) : name_;
    entry.directory = directory_;
    set_value(entry, node);
    found_.push_back({line, std::move(entry)});
    if (const toml::table* section = node.as_table()) {
      for (const auto& [key, child] : *section) {
        path.emplace_back(key.str());
        visit(path, child);
        path.pop_back();
      }
    } else if (const toml::array* list = node.as_array(); list && is_section_list(*list)) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        path.push_back(std::to_string(i));
        visit(path, *list->get(i));
        path.pop_back();
      }
    }
  }

  static bool is_section_list(const toml::array& list) {
    return !list.empty() && list.is_homogeneous(toml::node_type::table);
  }

  static void set_value(ConfigEntry& entry, const toml::node& node) {
    using Kind = ConfigEntry::Kind;
    if (node.is_table()) {
      entry.kind = Kind::kSection;
    } else if (const auto* text = node.as_string()) {
      entry.kind = Kind::kText;
      entry.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      entry.kind = Kind::kInteger;
      entry.integer = integer->get();
      entry.text = std::to_string(entry.integer);
    } else if (const auto* boolean = node.as_boolean()) {
      entry.kind = Kind::kBoolean;
      entry.boolean = boolean->get();
    } else if (node.is_floating_point()) {
      entry.kind = Kind::kReal;
    } else if (const auto* list = node.as_array()) {
      if (is_section_list(*list)) {
        entry.kind = Kind::kSectionList;
      } else if (list->empty() || list->is_homogeneous(toml::node_type::string)) {
        entry.kind = Kind::kTextList;
        for (const auto& item : *list) entry.list.push_back(item.as_string()->get());
      }
    }
  }

  std::string name_;
  std::string directory_;
  bool has_lines_;
  std::vector<Found> found_;
};

Result<std::string> read_text(const std::string& path) {
  auto refused = [&](std::string_view what) {
    return Error(Code::kInvalid, kErrorConfigFile, fmt::format("{}: {}", path, what));
  };
  std::error_code failed;
  auto status = fs::status(path, failed);
  if (!fs::exists(status)) return refused("this configuration file does not exist");
  if (!fs::is_regular_file(status)) return refused("this is not a file");
  auto size = fs::file_size(path, failed);
  if (failed) return refused(failed.message());
  if (size > kFileBytesMax) return refused("a configuration file has at most 4 MiB");
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return refused("this configuration file cannot be read; check who may read it");
  return text;
}

Status append_file(const std::string& path, const fs::path& directory,
                   std::vector<ConfigEntry>& to) {
  FRESHET_TRY(std::string text, read_text(path));
  FRESHET_TRY(auto entries, parse_config_text(text, path, directory.string()));
  std::move(entries.begin(), entries.end(), std::back_inserter(to));
  return ok();
}

}  // namespace

std::string key_text(const KeyPath& path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0 && is_index(path[i]) && path[i - 1] == "join") {
      text += fmt::format("[{}]", path[i]);
      continue;
    }
    if (i > 0) text += '.';
    text += is_bare_key(path[i]) ? path[i] : toml_string(path[i]);
  }
  return text;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ' || c == 127) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

Result<std::vector<ConfigEntry>> parse_config_text(std::string_view text, const std::string& name,
                                                   const std::string& directory) {
  toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) return syntax_error(name, parsed.error());
  return Flattener(name, directory, true).run(parsed.table());
}

Result<std::vector<ConfigEntry>> parse_config_assignment(const std::string& key,
                                                         const std::string& value,
                                                         const std::string& where) {
  std::string directory = fs::current_path().string();
  bool is_toml = true;
  toml::parse_result parsed = toml::parse(fmt::format("{} = {}", key, value));
  if (!parsed || parsed.table().size() != 1) {
    is_toml = false;
    parsed = toml::parse(fmt::format("{} = {}", key, toml_string(value)));
  }
  if (!parsed || parsed.table().size() != 1) {
    return Error(Code::kInvalid, kErrorConfigSyntax,
                 fmt::format("{}: write KEY=VALUE, for example listen.aws=127.0.0.1:0", where));
  }
  auto entries = Flattener(where, directory, false).run(parsed.table());
  // `entries` are the sections on the way, then the value itself.
  bool is_scalar = !entries.empty() && entries.back().kind != ConfigEntry::Kind::kTextList &&
                   entries.back().kind != ConfigEntry::Kind::kSection;
  if (!is_toml || is_scalar) {
    ConfigEntry& last = entries.back();
    bool is_quoted = is_toml && last.kind == ConfigEntry::Kind::kText;
    if (!is_quoted) last.text = value;
    last.kind = ConfigEntry::Kind::kText;
    last.is_plain_text = true;
  }
  return entries;
}

Result<std::vector<ConfigEntry>> read_config_files(const std::string& file) {
  std::vector<ConfigEntry> entries;
  std::error_code failed;
  fs::path directory = fs::absolute(file, failed).parent_path();
  FRESHET_TRY_STATUS(append_file(file, directory, entries));
  std::vector<std::string> more;
  fs::path further = fs::path(file).parent_path() / "conf.d";
  for (fs::directory_iterator it(further, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().extension() == ".toml") more.push_back(it->path().string());
  }
  if (failed && fs::exists(further)) {
    return Error(Code::kInvalid, kErrorConfigFile,
                 fmt::format("{}: cannot be listed: {}", further.string(), failed.message()));
  }
  std::sort(more.begin(), more.end());
  // Their paths too start at the main file, so that a line can move between them.
  for (const std::string& path : more) FRESHET_TRY_STATUS(append_file(path, directory, entries));
  return entries;
}

std::vector<ConfigEntry> config_entries_of_environment(
    const std::vector<std::pair<std::string, std::string>>& environment) {
  constexpr std::string_view kPrefix = "FRESHET_";
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    std::string rest = name.substr(kPrefix.size());
    std::transform(rest.begin(), rest.end(), rest.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    ConfigEntry entry;
    for (std::size_t at = 0;;) {
      std::size_t end = rest.find("__", at);
      entry.path.push_back(rest.substr(at, end == std::string::npos ? end : end - at));
      if (end == std::string::npos) break;
      at = end + 2;
    }
    if (entry.path.size() == 1 && find_key(entry.path) == nullptr) continue;
    entry.kind = ConfigEntry::Kind::kText;
    entry.text = value;
    entry.is_plain_text = true;
    entry.where = name;
    entry.directory = fs::current_path().string();
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.where < b.where; });
  return entries;
}

}  // namespace freshet::app
