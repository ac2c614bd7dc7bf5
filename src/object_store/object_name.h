// Which names and prefixes a store takes: the same on every side, so that an archive can move.
#pragma once

#include <string_view>

#include "common/result.h"

namespace freshet::object_store {

// FRS-3701, naming what is wrong with it.
Status check_name(std::string_view name);
// Any beginning of a name that check_name could take.
Status check_prefix(std::string_view prefix);

}  // namespace freshet::object_store
