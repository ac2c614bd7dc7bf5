#include "aws/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "aws/error.h"
#include "common/bytes.h"

namespace freshet::aws {
namespace {

std::string json(const Document& document) {
  return write(document, Encoding::kJson);
}

Document from_json(const std::string& text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : Document();
}

std::string cbor_hex(const Document& document) {
  return to_hex(write(document, Encoding::kCbor));
}

Document from_cbor(const std::string& hex) {
  auto parsed = parse_cbor(*from_hex(hex));
  EXPECT_TRUE(parsed.has_value()) << hex << (parsed ? "" : parsed.error().message());
  return parsed ? *parsed : Document();
}

TEST(DocumentJson, WritesEachKind) {
  EXPECT_EQ(json(Document()), "null");
  EXPECT_EQ(json(true), "true");
  EXPECT_EQ(json(-5), "-5");
  EXPECT_EQ(json(18446744073709551615u), "18446744073709551615");
  EXPECT_EQ(json(0.1), "0.1");
  EXPECT_EQ(json(std::nan("")), "\"NaN\"");
  EXPECT_EQ(json("a\"b\\c\n\x01é"), "\"a\\\"b\\\\c\\n\\u0001é\"");
  EXPECT_EQ(json(Document::blob("hi\xff")), "\"aGn/\"");
  EXPECT_EQ(json(Document::list().push(1).push("x")), "[1,\"x\"]");
  EXPECT_EQ(json(Document::map().set("B", 1).set("A", Document::list())), "{\"B\":1,\"A\":[]}");
}

TEST(DocumentJson, WritesTimesAsPlainDecimalSeconds) {
  EXPECT_EQ(json(Document::timestamp(1700000000123)), "1700000000.123");
  EXPECT_EQ(json(Document::timestamp(1700000000007)), "1700000000.007");
  EXPECT_EQ(json(Document::timestamp(1700000000000)), "1700000000");
  EXPECT_EQ(json(Document::timestamp(-1500)), "-1.500");
}

TEST(DocumentJson, ReadsEachKind) {
  Document read = from_json(
      R"({"s":"caf\u00e9","i":-3,"u":18446744073709551615,"d":1.5,"b":false,"n":null,"l":[1,[]]})");
  EXPECT_EQ(*read.find("s")->text(), "café");
  EXPECT_EQ(read.find("i")->integer(), -3);
  EXPECT_EQ(read.find("u")->unsigned_integer(), 18446744073709551615u);
  EXPECT_EQ(read.find("u")->integer(), std::nullopt);
  EXPECT_EQ(read.find("d")->number(), 1.5);
  EXPECT_EQ(read.find("d")->integer(), std::nullopt);
  EXPECT_EQ(read.find("b")->boolean(), false);
  EXPECT_EQ(read.find("n"), nullptr) << "null is as absent";
  EXPECT_EQ(read.find("l")->items()->size(), 2u);
  EXPECT_EQ(from_json("3.0").integer(), 3);
  EXPECT_EQ(from_json("\"aGn/\"").blob_bytes(), "hi\xff");
  EXPECT_EQ(from_json("\"aGn\"").blob_bytes(), std::nullopt);
  EXPECT_EQ(from_json("1700000000.123").timestamp_ms(), 1700000000123);
  EXPECT_EQ(from_json("1e300").timestamp_ms(), std::nullopt);
}

void refuses_json(const std::string& text, const char* why) {
  auto parsed = parse_json(text);
  ASSERT_FALSE(parsed.has_value()) << why;
  EXPECT_EQ(parsed.error().code(), Code::kInvalid) << why;
}

TEST(DocumentJson, Refuses) {
  refuses_json("", "nothing");
  refuses_json("{\"a\":1", "cut");
  refuses_json("{\"a\":1}x", "a tail");
  refuses_json("{\"a\":1,\"a\":2}", "a member twice");
  refuses_json("[{\"a\":1,\"\\u0061\":2}]", "a member twice, once escaped");
  refuses_json("\"\xff\"", "not UTF-8");
  refuses_json("01", "a leading zero");
  refuses_json("NaN", "not a number");
  refuses_json("\"a\nb\"", "a raw line feed in text");
  refuses_json(std::string(65, '[') + std::string(65, ']'), "too deep");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  refuses_json(many + "\"k50\":1}", "a member twice among many");
}

TEST(DocumentJson, ReadsDeepAndLarge) {
  EXPECT_TRUE(parse_json(std::string(60, '[') + std::string(60, ']')).has_value());
  std::string large = "[\"" + std::string(3 << 20, 'x') + "\"]";
  EXPECT_EQ(from_json(large).items()->front().text()->size(), 3u << 20);
}

// Examples of RFC 8949 appendix A, where AWS agrees.
TEST(DocumentCbor, ReadsAndWritesTheRfcExamples) {
  struct Case {
    const char* hex;
    Document value;
  };
  const Case cases[] = {{"00", 0},
                        {"17", 23},
                        {"1818", 24},
                        {"1903e8", 1000},
                        {"1a000f4240", 1000000},
                        {"1b000000e8d4a51000", 1000000000000},
                        {"1bffffffffffffffff", 18446744073709551615u},
                        {"20", -1},
                        {"3903e7", -1000},
                        {"fb3ff199999999999a", 1.1},
                        {"f4", false},
                        {"f5", true},
                        {"f6", Document()},
                        {"4401020304", Document::blob("\x01\x02\x03\x04")},
                        {"62c3bc", "ü"},
                        {"80", Document::list()},
                        {"83010203", Document::list().push(1).push(2).push(3)},
                        {"a26161016162820203",
                         Document::map().set("a", 1).set("b", Document::list().push(2).push(3))}};
  for (const Case& each : cases) {
    EXPECT_EQ(from_cbor(each.hex), each.value) << each.hex;
    EXPECT_EQ(cbor_hex(each.value), each.hex);
  }
}

TEST(DocumentCbor, ReadsWhatTheJavaSdkSends) {
  EXPECT_EQ(from_cbor("7f657374726561646d696e67ff"), Document("streaming")) << "text in pieces";
  EXPECT_EQ(from_cbor("5f42010243030405ff"), Document::blob("\x01\x02\x03\x04\x05"));
  EXPECT_EQ(from_cbor("9f0102ff"), Document::list().push(1).push(2));
}

TEST(DocumentCbor, ReadsIndefiniteMapsAndFloats) {
  EXPECT_EQ(from_cbor("bf61610161629f0203ffff"),
            Document::map().set("a", 1).set("b", Document::list().push(2).push(3)));
  EXPECT_EQ(from_cbor("f93c00"), Document(1.0));
  EXPECT_EQ(from_cbor("f90001"), Document(5.960464477539063e-8));
  EXPECT_EQ(from_cbor("fa47c35000"), Document(100000.0));
  EXPECT_EQ(from_cbor("f7"), Document());
}

TEST(DocumentCbor, TimesAreMilliseconds) {
  EXPECT_EQ(cbor_hex(Document::timestamp(1700000000123)), "c11b0000018bcfe5687b");
  EXPECT_EQ(from_cbor("c11b0000018bcfe5687b"), Document::timestamp(1700000000123));
  EXPECT_EQ(from_cbor("c11b0000018bcfe5687b").timestamp_ms(), 1700000000123);
}

void refuses_cbor(const std::string& hex, const char* why) {
  auto parsed = parse_cbor(*from_hex(hex));
  ASSERT_FALSE(parsed.has_value()) << why;
  EXPECT_EQ(parsed.error().code(), Code::kInvalid) << why;
}

TEST(DocumentCbor, Refuses) {
  refuses_cbor("", "nothing");
  refuses_cbor("0000", "a tail");
  refuses_cbor("1c", "a reserved length");
  refuses_cbor("19ff", "a cut integer");
  refuses_cbor("62c3", "a cut text");
  refuses_cbor("61ff", "text that is not UTF-8");
  refuses_cbor("63eda080", "a surrogate");
  refuses_cbor("62c0af", "an overlong form");
  refuses_cbor("5bffffffffffffffff", "a string longer than memory");
  refuses_cbor("9bffffffffffffffff", "a list longer than memory");
  refuses_cbor("bbffffffffffffffff", "a map longer than memory");
  refuses_cbor("9f01", "a list without end");
  refuses_cbor("5f6161ff", "text inside bytes");
  refuses_cbor("5f5f4101ffff", "pieces inside pieces");
  refuses_cbor("a10102", "a name that is no text");
  refuses_cbor("a2616101616102", "a name twice");
  refuses_cbor("c249010000000000000000", "a big number");
  refuses_cbor("c1fb41d452d9e20000", "a time in fractions of a second");
  refuses_cbor("1f", "an integer without a length");
  refuses_cbor("3bffffffffffffffff", "an integer below 64 bits");
  refuses_cbor("ff", "a break alone");
  refuses_cbor("bf6161019fffff", "a list for a name");
  refuses_cbor("f8ff", "an unknown simple value");
  refuses_cbor(to_hex(std::string(80, '\x81') + '\0'), "too deep");
}

struct Random {
  std::mt19937_64 engine;
  explicit Random(std::uint64_t seed) : engine(seed) {}
  std::uint64_t next() { return engine(); }
  std::uint64_t below(std::uint64_t bound) { return engine() % bound; }
};

Document random_document(Random& random, int depth) {
  switch (random.below(depth > 4 ? 7 : 9)) {
    case 0:
      return Document();
    case 1:
      return Document(random.below(2) == 1);
    case 2:
      return Document(static_cast<std::int64_t>(random.next() >> random.below(64)));
    case 3:
      return Document(-1 - static_cast<std::int64_t>(random.next() >> (1 + random.below(63))));
    case 4:
      return Document(static_cast<double>(random.below(1 << 20)) / 64 + 0.0078125);
    case 5:
      return Document(std::string(random.below(40), static_cast<char>('a' + random.below(26))));
    case 6:
      return Document::timestamp(static_cast<std::int64_t>(random.below(4'000'000'000'000)));
    case 7: {
      Document list = Document::list();
      for (auto n = random.below(6); n > 0; --n) list.push(random_document(random, depth + 1));
      return list;
    }
    default: {
      Document map = Document::map();
      for (auto n = random.below(20); n > 0; --n) {
        map.set("k" + std::to_string(n), random_document(random, depth + 1));
      }
      return map;
    }
  }
}

TEST(DocumentCbor, WhatIsWrittenIsReadBack) {
  Random random(7);
  for (int i = 0; i < 2'000; ++i) {
    Document made = random_document(random, 0);
    auto read = parse_cbor(write(made, Encoding::kCbor));
    ASSERT_TRUE(read.has_value()) << json(made);
    EXPECT_EQ(*read, made) << json(made);
    // JSON has no times of its own; both ways of reading must still see the same text.
    auto again = parse_json(json(made));
    ASSERT_TRUE(again.has_value()) << json(made);
  }
}

TEST(DocumentCbor, CutAndFlippedBytesNeverCrash) {
  Random random(11);
  for (int i = 0; i < 3'000; ++i) {
    std::string bytes = write(random_document(random, 0), Encoding::kCbor);
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random.below(bytes.size())] ^= static_cast<char>(1u << random.below(8));
    }
    bytes.resize(random.below(bytes.size() + 1));
    auto read = parse_cbor(bytes);
    if (!read) {
      EXPECT_EQ(read.error().code(), Code::kInvalid);
    }
  }
}

TEST(Error, HasBodiesInBothEncodings) {
  ServiceError error{"ResourceNotFoundException", "Stream a not found."};
  EXPECT_EQ(error_body(error, Encoding::kJson),
            R"({"__type":"ResourceNotFoundException","message":"Stream a not found."})");
  EXPECT_EQ(error_body(error, Encoding::kJson, "com.amazonaws.dynamodb.v20120810#"),
            R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",)"
            R"("message":"Stream a not found."})");
  auto read = parse_cbor(error_body(error, Encoding::kCbor));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read->find("__type")->text(), "ResourceNotFoundException");
  error.more = Document::map().set("CancellationReasons", Document::list());
  EXPECT_THAT(error_body(error, Encoding::kJson),
              testing::EndsWith(R"("CancellationReasons":[]})"));
}

}  // namespace
}  // namespace freshet::aws
