// Words that an expression may name an attribute by only through a placeholder (#zone), as the
// DynamoDB Developer Guide lists them, "Reserved words in DynamoDB". What works here should work
// there.
#pragma once

#include <string_view>

namespace freshet::dynamodb {

// Whatever its case.
bool is_reserved_word(std::string_view word);

}  // namespace freshet::dynamodb
