// Whether a map names a member twice. Two parsers that keep different ones of the two would read
// one request in two ways.
#pragma once

#include <optional>
#include <string>

#include "aws/document.h"

namespace freshet::aws {

std::optional<std::string> repeated_name(const Document::Map& map);

}  // namespace freshet::aws
