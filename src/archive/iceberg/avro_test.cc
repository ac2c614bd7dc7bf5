// Avro: types, binary encoding, container files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "archive/iceberg/avro_decoder.h"
#include "archive/iceberg/avro_encoder.h"
#include "archive/iceberg/avro_file.h"
#include "archive/iceberg/deflate.h"

namespace freshet::archive::iceberg {
namespace {

using ::testing::HasSubstr;

Result<AvroType> type_of(const std::string& json) {
  return parse_avro_type(*parse_json(json));
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (int value : values) text += static_cast<char>(value);
  return text;
}

// The Avro specification's own examples, and the ends.
TEST(Avro, NumbersAreZigzagged) {
  auto check = [](std::int64_t value, const std::string& expected) {
    AvroEncoder encoder;
    encoder.put_long(value);
    EXPECT_EQ(encoder.bytes(), expected) << value;
    AvroDecoder decoder(encoder.bytes());
    EXPECT_EQ(decoder.take_long(), value);
    EXPECT_TRUE(decoder.ok() && decoder.at_end());
  };
  check(0, bytes({0}));
  check(-1, bytes({1}));
  check(1, bytes({2}));
  check(-64, bytes({0x7f}));
  check(64, bytes({0x80, 1}));
  check(std::numeric_limits<std::int64_t>::max(),
        bytes({0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}));
  check(std::numeric_limits<std::int64_t>::min(),
        bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}));
}

TEST(Avro, ANumberEndsWithinTenBytes) {
  for (const std::string& text :
       {bytes({}), bytes({0x80}), std::string(11, '\xff'), std::string(9, '\xff') + '\x02'}) {
    AvroDecoder decoder(text);
    EXPECT_EQ(decoder.take_long(), 0);
    EXPECT_EQ(decoder.status().error().number(), 3612);
  }
}

TEST(Avro, TheFirstFaultStays) {
  AvroDecoder decoder(std::string_view("\x02"));
  EXPECT_TRUE(decoder.take_bytes().empty());
  std::string first = decoder.status().error().message();
  EXPECT_THAT(first, HasSubstr("beyond the end at byte 1"));
  decoder.fail("another");
  EXPECT_EQ(decoder.status().error().message(), first);
  EXPECT_EQ(decoder.take_long(), 0);
}

TEST(Avro, AnOptionalIsReadWhereverNullStands) {
  for (const char* schema : {R"(["null","long"])", R"(["long","null"])", R"(["null","int"])"}) {
    AvroType type = *type_of(schema);
    bool null_first = type.children[0].kind == AvroKind::kNull;
    std::string there = null_first ? bytes({2, 6}) : bytes({0, 6});
    AvroDecoder decoder(there);
    EXPECT_EQ(decoder.optional_long(type), 3);
    std::string missing = null_first ? bytes({0}) : bytes({2});
    AvroDecoder empty(missing);
    EXPECT_EQ(empty.optional_long(type), std::nullopt);
    EXPECT_TRUE(empty.ok());
  }
  AvroType type = *type_of(R"(["null","string"])");
  std::string text = bytes({2, 2, 'a'});
  AvroDecoder wrong(text);
  wrong.optional_long(type);
  EXPECT_FALSE(wrong.ok());
  std::string third = bytes({4});
  AvroDecoder beyond(third);
  beyond.skip(type);
  EXPECT_FALSE(beyond.ok());
}

TEST(Avro, BlocksOfItemsMayCarryTheirSize) {
  AvroType type = *type_of(R"({"type":"array","items":"long"})");
  std::vector<std::int64_t> values;
  // Two items with the size in bytes in front, one without, the end.
  std::string blocks = bytes({3, 4, 2, 4, 2, 6, 0});
  AvroDecoder decoder(blocks);
  decoder.each_item(type,
                    [&](const AvroType& item) { values.push_back(decoder.long_integer(item)); });
  EXPECT_TRUE(decoder.ok() && decoder.at_end());
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 3));
  AvroDecoder again(blocks);
  again.skip(type);
  EXPECT_TRUE(again.ok() && again.at_end());
}

TEST(Avro, AnnouncedCountsAreNotBelieved) {
  AvroType type = *type_of(R"({"type":"array","items":"long"})");
  std::string smallest = std::string(9, '\xff') + '\x01';  // the smallest of all numbers
  for (const std::string& text : {bytes({0x80, 0x80, 0x80, 0x80, 0x10, 2}), smallest + bytes({0}),
                                  smallest + bytes({0, 2, 0}), bytes({1, 1, 2, 0})}) {
    AvroDecoder decoder(text);
    decoder.skip(type);
    EXPECT_FALSE(decoder.ok());
  }
}

TEST(Avro, SkippingReadsEveryKind) {
  AvroType type = *type_of(
      R"({"type":"record","name":"r","fields":[{"name":"a","type":"null"},)"
      R"({"name":"b","type":"boolean"},{"name":"c","type":"float"},{"name":"d","type":"double"},)"
      R"({"name":"e","type":"bytes"},{"name":"f","type":{"type":"fixed","name":"f","size":3}},)"
      R"({"name":"g","type":{"type":"enum","name":"g","symbols":["A"]}},)"
      R"({"name":"h","type":{"type":"map","values":"int"}},{"name":"i","type":"f"}]})");
  AvroEncoder encoder;
  encoder.put_boolean(true);
  encoder.put_floating(1.0f);
  encoder.put_floating(1.0);
  encoder.put_bytes("xyz");
  encoder.put_fixed("abc");
  encoder.put_long(0);
  encoder.begin_items(1);
  encoder.put_bytes("key");
  encoder.put_long(7);
  encoder.end_items();
  encoder.put_fixed("def");
  AvroDecoder decoder(encoder.bytes());
  decoder.skip(type);
  EXPECT_TRUE(decoder.ok() && decoder.at_end());
  for (std::size_t size = 0; size < encoder.bytes().size(); ++size) {
    AvroDecoder cut(std::string_view(encoder.bytes()).substr(0, size));
    cut.skip(type);
    EXPECT_FALSE(cut.ok()) << size;
  }
}

TEST(Avro, SchemasThatCouldRunAwayAreRefused) {
  auto refused = [](const std::string& json) {
    auto type = type_of(json);
    ASSERT_FALSE(type.has_value()) << json;
    EXPECT_EQ(type.error().number(), 3612);
  };
  refused(R"("unknown")");
  refused("7");
  refused("[]");
  refused(R"(["null",["null","int"]])");
  refused(R"({"type":"array"})");
  refused(R"({"type":"array","items":"null"})");
  refused(R"({"type":"array","items":{"type":"record","name":"r","fields":[]}})");
  refused(R"({"type":"fixed","name":"f","size":-1})");
  refused(R"({"type":"fixed","name":"f","size":99999999999})");
  refused(R"({"type":"record","fields":[]})");
  refused(R"({"type":"record","name":"r","fields":[{"name":"a","type":["null","r"]}]})");
  std::string deep = "\"int\"";
  for (int i = 0; i < 40; ++i) deep = R"({"type":"map","values":)" + deep + "}";
  refused(deep);
}

TEST(Avro, NamesThatDoubleAtEveryStepStayWithinTheLimit) {
  std::string fields = R"({"name":"a","type":{"type":"record","name":"r0","fields":[)"
                       R"({"name":"x","type":"int"}]}})";
  for (int i = 1; i < 30; ++i) {
    std::string before = "\"r" + std::to_string(i - 1) + "\"";
    fields += R"(,{"name":"a","type":{"type":"record","name":"r)" + std::to_string(i) +
              R"(","fields":[{"name":"x","type":)" + before + R"(},{"name":"y","type":)" + before +
              "}]}}";
  }
  auto type = type_of(R"({"type":"record","name":"all","fields":[)" + fields + "]}");
  ASSERT_FALSE(type.has_value());
  EXPECT_THAT(type.error().message(), HasSubstr("too many parts"));
}

constexpr const char* kLongRecord =
    R"({"type":"record","name":"r","fields":[{"name":"a","type":"long","field-id":7}]})";

TEST(Avro, AFileHoldsWhatWasPutIn) {
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate}) {
    std::string written = write_avro_file(kLongRecord, {{"k", "v"}}, bytes({2, 4, 6}), 3, codec);
    auto file = read_avro_file(written);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_EQ(file->record_count, 3);
    EXPECT_EQ(file->records, bytes({2, 4, 6}));
    EXPECT_EQ(file->metadata["k"], "v");
    EXPECT_EQ(file->type.ids[0], 7);
    EXPECT_EQ(written, write_avro_file(kLongRecord, {{"k", "v"}}, bytes({2, 4, 6}), 3, codec));
  }
  EXPECT_EQ(read_avro_file(write_avro_file(kLongRecord, {}, "", 0, AvroCodec::kNull))->record_count,
            0);
}

TEST(Avro, TheBytesOfAFileAreThese) {
  std::string expected = bytes({'O', 'b', 'j', 1, 4});
  expected += bytes({20}) + "avro.codec" + bytes({8}) + "null";
  expected += bytes({22}) + "avro.schema" + bytes({0x9e, 1}) + kLongRecord + bytes({0});
  std::string written = write_avro_file(kLongRecord, {}, bytes({2, 4}), 2, AvroCodec::kNull);
  ASSERT_EQ(std::string_view(kLongRecord).size(), 79u);
  ASSERT_EQ(written.size(), expected.size() + 16 + 4 + 16);
  std::string sync = written.substr(expected.size(), 16);
  EXPECT_EQ(written, expected + sync + bytes({4, 4, 2, 4}) + sync);
}

TEST(Avro, EveryCutFileIsRefused) {
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate}) {
    std::string written = write_avro_file(kLongRecord, {}, bytes({2, 4, 6}), 3, codec);
    std::size_t header = written.size() - 16 - (codec == AvroCodec::kNull ? 5 : 7);
    for (std::size_t size = 0; size < written.size(); ++size) {
      // A file that ends behind its header is a file without records.
      EXPECT_EQ(read_avro_file(written.substr(0, size)).has_value(), size == header) << size;
    }
  }
}

TEST(Avro, AnUnknownCodecIsNamed) {
  std::string written = write_avro_file(kLongRecord, {}, bytes({2}), 1, AvroCodec::kNull);
  written.replace(written.find("null"), 4, "zstd");
  auto file = read_avro_file(written);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code(), Code::kUnsupported);
  EXPECT_THAT(file.error().message(), HasSubstr("zstd"));
}

TEST(Avro, MoreRecordsThanBytesAreRefused) {
  std::string written =
      write_avro_file(kLongRecord, {}, bytes({2, 4}), std::int64_t{1} << 40, AvroCodec::kDeflate);
  auto file = read_avro_file(written);
  ASSERT_FALSE(file.has_value());
  EXPECT_THAT(file.error().message(), HasSubstr("more records than bytes"));
}

TEST(Avro, UnpackingStopsAtItsLimit) {
  std::string packed = deflate_bytes(std::string(1 << 20, 'a'));
  std::string to = "before";
  ASSERT_TRUE(inflate_append(packed, 2 << 20, to).has_value());
  EXPECT_EQ(to.size(), 6u + (1 << 20));
  std::string small;
  EXPECT_FALSE(inflate_append(packed, 1000, small).has_value());
  EXPECT_LE(small.size(), 1000u);
  EXPECT_FALSE(inflate_append(packed.substr(0, packed.size() - 1), 2 << 20, small).has_value());
  std::string fresh;
  EXPECT_FALSE(inflate_append(packed + "12345", 2 << 20, fresh).has_value());
  // What Python's writers leave of zlib's checksum.
  EXPECT_TRUE(inflate_append(packed + "123", 4 << 20, fresh).has_value());
  EXPECT_FALSE(inflate_append("", 100, fresh).has_value());
}

}  // namespace
}  // namespace freshet::archive::iceberg
