#include "app/config.h"

#include <algorithm>

#include "app/config_check.h"
#include "app/config_entry.h"
#include "app/config_keys.h"

namespace freshet::app {
namespace {

// A later source replaces a key alone, but a list of sections whole.
class Layers {
 public:
  Status add(const std::vector<ConfigEntry>& entries) {
    for (const ConfigEntry& entry : entries) {
      FRESHET_TRY_STATUS(check_known(entry));
      const KeySpec* spec = find_key(entry.path);
      std::string key = key_text(entry.path);
      if (spec == nullptr) {
        sections_.push_back(entry.path);
        if (!origins_.given(key)) origins_.set(key, entry.where);
        continue;
      }
      FRESHET_TRY(ConfigValue value, read_value(*spec, entry));
      if (spec->kind == ValueKind::kSections) forget_below(entry.path, key);
      origins_.set(key, entry.where);
      values_[entry.path] = {spec, std::move(value)};
    }
    return ok();
  }

  void apply(Config& config) const {
    for (const KeyPath& section : sections_) declare_section(config, section);
    for (const auto& [path, item] : values_) {
      KeyNames names;
      matches_key(*item.spec, path, &names);
      if (item.spec->set != nullptr) item.spec->set({config, names, item.value});
    }
  }

  const ConfigOrigins& origins() const { return origins_; }

 private:
  struct Item {
    const KeySpec* spec;
    ConfigValue value;
  };

  static bool is_below(const KeyPath& path, const KeyPath& parent) {
    return path.size() > parent.size() && std::equal(parent.begin(), parent.end(), path.begin());
  }
  void forget_below(const KeyPath& path, const std::string& key) {
    std::erase_if(values_, [&](const auto& item) { return is_below(item.first, path); });
    std::erase_if(sections_, [&](const KeyPath& section) { return is_below(section, path); });
    origins_.forget_below(key);
  }

  std::map<KeyPath, Item> values_;
  std::vector<KeyPath> sections_;
  ConfigOrigins origins_;
};

std::string flag_name(const std::string& key) {
  return key == "data" ? "flag --data" : "flag --set " + key;
}

std::vector<Setting> settings_of(const Config& config, const ConfigOrigins& origins) {
  std::vector<Setting> settings;
  for (const KeySpec& spec : known_keys()) {
    if (spec.show == nullptr) continue;
    for (const KeyNames& names : names_of(spec, config)) {
      std::string key = key_text(spec, names);
      std::string origin = origins.given(key) ? origins.where(key) : "default";
      bool is_computed = spec.default_words.find(' ') != std::string_view::npos;
      if (origin == "default" && is_computed) {
        origin += " (" + std::string(spec.default_words) + ")";
      }
      settings.push_back({key, spec.show({config, names}), std::move(origin)});
    }
  }
  return settings;
}

}  // namespace

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Layers layers;
  if (!sources.file.empty()) {
    FRESHET_TRY(auto entries, read_config_files(sources.file));
    FRESHET_TRY_STATUS(layers.add(entries));
  }
  FRESHET_TRY_STATUS(layers.add(config_entries_of_environment(sources.environment)));
  for (const auto& [key, value] : sources.flags) {
    FRESHET_TRY(auto entries, parse_config_assignment(key, value, flag_name(key)));
    FRESHET_TRY_STATUS(layers.add(entries));
  }
  LoadedConfig loaded;
  layers.apply(loaded.config);
  complete_config(loaded.config, layers.origins());
  FRESHET_TRY_STATUS(check_config(loaded.config, layers.origins(), loaded.warnings));
  loaded.settings = settings_of(loaded.config, layers.origins());
  return loaded;
}

}  // namespace freshet::app
