#include "archive/iceberg/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace freshet::archive::iceberg {
namespace {

FieldType type_of(TypeKind kind) {
  FieldType type;
  type.kind = kind;
  return type;
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (int value : values) text += static_cast<char>(value);
  return text;
}

TEST(Value, NumbersAreLittleEndianInTheirWidth) {
  EXPECT_EQ(encode_value(type_of(TypeKind::kBoolean), Value(true)), bytes({1}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kInt), Value(std::int64_t{-2})),
            bytes({0xfe, 0xff, 0xff, 0xff}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kDate), Value(std::int64_t{17'486})),
            bytes({0x4e, 0x44, 0, 0}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kTimestamptz), Value(std::int64_t{1} << 40)),
            bytes({0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kFloat), Value(1.0)), bytes({0, 0, 0x80, 0x3f}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kDouble), Value(1.0)),
            bytes({0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  EXPECT_EQ(encode_value(type_of(TypeKind::kString), Value("é")), "é");
}

TEST(Value, WhatIsEncodedIsDecoded) {
  for (TypeKind kind : {TypeKind::kInt, TypeKind::kLong, TypeKind::kDate, TypeKind::kTime,
                        TypeKind::kTimestamp, TypeKind::kTimestamptz}) {
    FieldType type = type_of(kind);
    for (std::int64_t number : {-2'000'000'000, -1, 0, 1, 2'000'000'000}) {
      EXPECT_EQ(*decode_value(type, encode_value(type, Value(number))), Value(number));
    }
  }
  FieldType real = type_of(TypeKind::kDouble);
  EXPECT_EQ(*decode_value(real, encode_value(real, Value(-0.1))), Value(-0.1));
}

TEST(Value, ABoundMayBeOlderThanItsColumnsType) {
  EXPECT_EQ(*decode_value(type_of(TypeKind::kLong), bytes({7, 0, 0, 0})), Value(std::int64_t{7}));
  EXPECT_EQ(*decode_value(type_of(TypeKind::kDouble), bytes({0, 0, 0x80, 0x3f})), Value(1.0));
}

TEST(Value, AWrongLengthIsRefused) {
  auto refused = [](TypeKind kind, std::size_t length) {
    auto value = decode_value(type_of(kind), std::string(length, 'x'));
    ASSERT_FALSE(value.has_value()) << length;
    EXPECT_EQ(value.error().number(), 3606);
  };
  refused(TypeKind::kBoolean, 0);
  refused(TypeKind::kInt, 8);
  refused(TypeKind::kInt, 3);
  refused(TypeKind::kLong, 5);
  refused(TypeKind::kFloat, 8);
  refused(TypeKind::kUuid, 15);
  refused(TypeKind::kDecimal, 17);
  refused(TypeKind::kStruct, 4);
}

TEST(Value, AShortTextIsItsOwnBounds) {
  EXPECT_EQ(lower_text_bound("camera-7"), "camera-7");
  EXPECT_EQ(upper_text_bound("camera-7"), "camera-7");
  EXPECT_EQ(lower_text_bound("sixteen letters!"), "sixteen letters!");
  EXPECT_EQ(upper_text_bound("sixteen letters!"), "sixteen letters!");
}

TEST(Value, ALongTextIsCutAtCharactersAndRoundedUp) {
  EXPECT_EQ(lower_text_bound("aaaaaaaaaaaaaaaab"), "aaaaaaaaaaaaaaaa");
  EXPECT_EQ(upper_text_bound("aaaaaaaaaaaaaaaab"), "aaaaaaaaaaaaaaab");
  EXPECT_EQ(lower_text_bound("éééééééééééééééééé"), "éééééééééééééééé");
  EXPECT_EQ(upper_text_bound("éééééééééééééééééé"), "éééééééééééééééê");
  // One byte becomes two, two three, three four; and no surrogates.
  std::string head(15, 'a');
  EXPECT_EQ(upper_text_bound(head + "\x7f!"), head + "\xc2\x80");
  EXPECT_EQ(upper_text_bound(head + "\u07ff!"), head + "\u0800");
  EXPECT_EQ(upper_text_bound(head + "\uffff!"), head + "\U00010000");
  EXPECT_EQ(upper_text_bound(head + "\ud7ff!"), head + "\ue000");
}

TEST(Value, TheLastCharacterOfAllIsSteppedOver) {
  std::string head(15, 'a');
  EXPECT_EQ(upper_text_bound(head + "\U0010ffff!"), std::string(14, 'a') + "b");
  std::string last;
  for (int i = 0; i < 17; ++i) last += "\U0010ffff";
  EXPECT_EQ(upper_text_bound(last), std::nullopt);
}

TEST(Value, BytesThatAreNoTextNeverLeadToAWrongBound) {
  std::string broken = std::string(15, 'a') + "\xff" + "tail";
  EXPECT_EQ(upper_text_bound(broken), std::nullopt);
}

TEST(Value, BlobsAreCutAtBytes) {
  std::string long_blob(17, '\xff');
  EXPECT_EQ(upper_blob_bound(long_blob), std::nullopt);
  long_blob[3] = '\x10';
  EXPECT_EQ(upper_blob_bound(long_blob), "\xff\xff\xff\x11");
  EXPECT_EQ(lower_blob_bound(long_blob).size(), 16u);
  EXPECT_EQ(upper_blob_bound("short"), "short");
}

}  // namespace
}  // namespace freshet::archive::iceberg
