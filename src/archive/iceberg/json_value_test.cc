#include "archive/iceberg/json_value.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet::archive::iceberg {
namespace {

TEST(JsonValue, WhatIsReadIsWrittenAgain) {
  for (const char* text :
       {R"({"b":[1,-2,true,false,null],"a":{"x":1.5,"y":1e+300,"z":2.0}})",
        R"(["\"\\\n\u0001é",18446744073709551615,-9223372036854775808,9223372036854775807])", "[]",
        "{}", "\"\"", "null"}) {
    auto value = parse_json(text);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_EQ(write_json(*value), text);
  }
}

TEST(JsonValue, ANullMemberIsNotFoundButKept) {
  JsonValue value = *parse_json(R"({"a":null,"b":1})");
  EXPECT_EQ(value.find("a"), nullptr);
  EXPECT_EQ(value.find("b")->integer(), 1);
  EXPECT_EQ(value.members()->size(), 2u);
}

TEST(JsonValue, WhatIsNotOneValueIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("1 2"), std::string(R"({"a":1,"a":2})"),
        std::string("nan"), std::string("\"\xff\""), std::string(65, '[') + std::string(65, ']')}) {
    EXPECT_FALSE(parse_json(text).has_value()) << text;
  }
  EXPECT_TRUE(parse_json(std::string(40, '[') + std::string(40, ']')).has_value());
}

}  // namespace
}  // namespace freshet::archive::iceberg
