// What no single key can tell: names, references between keys, secrets, defaults that depend on
// others.
#pragma once

#include <map>
#include <string>

#include "app/config.h"
#include "common/result.h"

namespace freshet::app {

// Where each key and section was given: "freshet.toml:34".
class ConfigOrigins {
 public:
  void set(std::string key, std::string where) { where_[std::move(key)] = std::move(where); }
  void forget_below(const std::string& key);
  bool given(const std::string& key) const { return where_.contains(key); }
  // Of the key, or of the nearest section around it; "defaults" where nobody gave any.
  std::string where(std::string key) const;

 private:
  std::map<std::string, std::string> where_;
};

// Fills what follows from what was given: the built-in stream and pipeline, tables of pipelines,
// limits from the machine.
void complete_config(Config& config, const ConfigOrigins& origins);
// Reads the secrets, too. FRS-1105 to FRS-1110.
Status check_config(Config& config, const ConfigOrigins& origins,
                    std::vector<std::string>& warnings);

}  // namespace freshet::app
