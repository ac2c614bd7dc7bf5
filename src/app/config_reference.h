// The table of keys as text for people.
#pragma once

#include <string>

namespace freshet::app {

// docs/reference/configuration.md, which a test holds equal to this.
std::string configuration_reference();
// One line a key, tab-separated: key, type, default, what it is.
std::string configuration_schema_plain();
// {"api":"v1","keys":[{"key","type","default","doc","minimum","maximum"}…],"not_offered":[…]}
std::string configuration_schema_json();

}  // namespace freshet::app
