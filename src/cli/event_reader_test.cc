#include "cli/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace freshet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Read {
  std::vector<std::string> events;
  std::vector<std::uint64_t> offsets;
  std::string error;
};

Read read_all(EventFormat format, const std::string& text, std::uint64_t from = 0) {
  std::istringstream stream(text);
  auto reader = EventReader::make(format, stream);
  Read read;
  if (auto skipped = reader->skip_to(from); !skipped) {
    read.error = skipped.error().message();
    return read;
  }
  for (;;) {
    auto event = reader->next();
    if (!event) {
      read.error = event.error().message();
      return read;
    }
    if (!*event) return read;
    read.events.push_back(**event);
    read.offsets.push_back(reader->offset());
  }
}

TEST(NdjsonReaderTest, LinesWithAndWithoutAnEnd) {
  EXPECT_THAT(read_all(EventFormat::kNdjson, "{\"a\":1}\n\n  \r\n{\"b\":2}").events,
              ElementsAre("{\"a\":1}", "{\"b\":2}"));
  EXPECT_THAT(read_all(EventFormat::kNdjson, "").events, IsEmpty());
  EXPECT_THAT(read_all(EventFormat::kNdjson, "not json\n").events, ElementsAre("not json"));
}

TEST(NdjsonReaderTest, GoesOnWhereItStood) {
  std::string text = "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n";
  Read whole = read_all(EventFormat::kNdjson, text);
  EXPECT_THAT(read_all(EventFormat::kNdjson, text, whole.offsets[0]).events,
              ElementsAre("{\"b\":2}", "{\"c\":3}"));
  EXPECT_THAT(read_all(EventFormat::kNdjson, text, 3).error, HasSubstr("other contents"));
  EXPECT_THAT(read_all(EventFormat::kNdjson, text, 999).error, HasSubstr("shorter"));
}

TEST(NdjsonReaderTest, AnEndlessLineIsRefused) {
  EXPECT_THAT(read_all(EventFormat::kNdjson, "\n" + std::string(17 << 20, 'x')).error,
              HasSubstr("line 2"));
}

TEST(JsonArrayReaderTest, ElementsBecomeLines) {
  Read read = read_all(EventFormat::kJsonArray,
                       " [ {\"a\": [1, {\"x\": \"]},{\"}],\n \"b\": \"\\\"[\"} ,{} ,7,\"s\" ]\n");
  EXPECT_EQ(read.error, "");
  EXPECT_THAT(read.events, ElementsAre("{\"a\": [1, {\"x\": \"]},{\"}],  \"b\": \"\\\"[\"}", "{}",
                                       "7", "\"s\""));
  EXPECT_THAT(read_all(EventFormat::kJsonArray, "[]").events, IsEmpty());
}

TEST(JsonArrayReaderTest, GoesOnWhereItStood) {
  std::string text = "[{\"a\":1},{\"b\":2}, {\"c\":3}]";
  Read whole = read_all(EventFormat::kJsonArray, text);
  ASSERT_EQ(whole.events.size(), 3u);
  EXPECT_THAT(read_all(EventFormat::kJsonArray, text, whole.offsets[1]).events,
              ElementsAre("{\"c\":3}"));
}

TEST(JsonArrayReaderTest, CutAndForeignFilesAreNamed) {
  EXPECT_THAT(read_all(EventFormat::kJsonArray, "{\"a\":1}").error, HasSubstr("begins with ["));
  EXPECT_THAT(read_all(EventFormat::kJsonArray, "[{\"a\":1},").error, HasSubstr("] is missing"));
  EXPECT_THAT(read_all(EventFormat::kJsonArray, "[{\"a\":1},\n{\"b\"").error, HasSubstr("line 2"));
  EXPECT_THAT(read_all(EventFormat::kJsonArray, "[{}] x").error, HasSubstr("behind the array"));
}

TEST(CsvReaderTest, RowsBecomeObjects) {
  Read read = read_all(EventFormat::kCsv,
                       "\xef\xbb\xbf"
                       "id,cam,conf,track,bbox,item\r\n"
                       "a1,c1,0.5,007,\"[0,0,1,1]\",\"a \"\"car\"\"\"\r\n"
                       "2,,,,,\"two\nlines\"\n");
  EXPECT_EQ(read.error, "");
  EXPECT_THAT(read.events,
              ElementsAre("{\"id\":\"a1\",\"cam\":\"c1\",\"conf\":0.5,\"track\":\"007\","
                          "\"bbox\":[0,0,1,1],\"item\":\"a \\\"car\\\"\"}",
                          "{\"id\":\"2\",\"item\":\"two\\nlines\"}"));
}

TEST(CsvReaderTest, MistakesNameTheLine) {
  EXPECT_THAT(read_all(EventFormat::kCsv, "a,b\n1,2\n3\n").error, HasSubstr("line 3: 1 fields"));
  EXPECT_THAT(read_all(EventFormat::kCsv, "a,b\n1,\"2\n").error, HasSubstr("line 2: a quote"));
}

TEST(CsvReaderTest, OnlyJsonNumbersStayNumbers) {
  auto json = [](const char* field) { return csv_row_to_json({"x"}, {field}); };
  EXPECT_EQ(json("1.5e-3"), "{\"x\":1.5e-3}");
  EXPECT_EQ(json("-0"), "{\"x\":-0}");
  for (const char* text : {"01", "1.", ".5", "1e", "+1", "0x1", "1 ", "NaN"}) {
    EXPECT_EQ(json(text), std::string("{\"x\":\"") + text + "\"}");
  }
  EXPECT_EQ(json("true"), "{\"x\":true}");
}

}  // namespace
}  // namespace freshet::cli
