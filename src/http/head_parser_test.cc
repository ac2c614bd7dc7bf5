#include "http/head_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "http/chunked_decoder.h"
#include "http/syntax.h"

namespace freshet::http {
namespace {

std::variant<ParsedHead, HeadRefusal> parse(const std::string& head) {
  return parse_head(head, ServerLimits());
}

int status_of(const std::string& head) {
  HeadScan scan = scan_head(head, 0);
  if (scan.state == HeadScan::State::kBareLineFeed) return 400;
  EXPECT_EQ(scan.state, HeadScan::State::kFound) << head;
  EXPECT_EQ(scan.end, head.size()) << head;
  auto parsed = parse(head);
  const HeadRefusal* refused = std::get_if<HeadRefusal>(&parsed);
  return refused == nullptr ? 200 : refused->status;
}

TEST(HeadParser, ReadsARequest) {
  auto result = parse(
      "POST /a?b=c HTTP/1.1\r\nHost: x:80\r\nX-Amz-Target:  T.Op \r\ncontent-LENGTH: 12\r\n"
      "Expect: 100-continue\r\n\r\n");
  const ParsedHead& head = std::get<ParsedHead>(result);
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.target, "/a?b=c");
  EXPECT_EQ(head.request.path(), "/a");
  EXPECT_EQ(head.request.query(), "b=c");
  EXPECT_EQ(head.request.header("x-amz-target"), "T.Op");
  EXPECT_EQ(head.body, ParsedHead::Body::kFixed);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
}

TEST(HeadParser, ReadsConnectionAndCoding) {
  auto result = parse(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n"
      "Connection: te, Close\r\n\r\n");
  const ParsedHead& head = std::get<ParsedHead>(result);
  EXPECT_EQ(head.body, ParsedHead::Body::kChunked);
  EXPECT_FALSE(head.keep_alive);
}

// Each by the name under which it is known; each could make two servers in a row disagree.
TEST(HeadParser, RefusesSmuggling) {
  struct Case {
    const char* name;
    std::string head;
    int status;
  };
  const std::string start = "POST / HTTP/1.1\r\nHost: x\r\n";
  const Case cases[] = {
      {"both lengths (CL.TE)", start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"both lengths (TE.CL)", start + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
       400},
      {"two lengths", start + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {"two equal lengths", start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {"length as a list", start + "Content-Length: 5, 5\r\n\r\n", 400},
      {"length with a sign", start + "Content-Length: +5\r\n\r\n", 400},
      {"negative length", start + "Content-Length: -1\r\n\r\n", 400},
      {"hexadecimal length", start + "Content-Length: 0x5\r\n\r\n", 400},
      {"empty length", start + "Content-Length: \r\n\r\n", 400},
      {"length beyond 64 bits", start + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"blank before the colon", start + "Content-Length : 5\r\n\r\n", 400},
      {"tab before the colon", start + "Transfer-Encoding\t: chunked\r\n\r\n", 400},
      {"folded header", start + "X-A: b\r\n c\r\n\r\n", 400},
      {"folded first header", "POST / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"unknown coding", start + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"coding list", start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"two codings", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"disguised coding", start + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"coding with a vertical tab",
       start + "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n",
       400},
      {"bare line feed after a header", start + "X-A: b\nX-B: c\r\n\r\n", 400},
      {"bare line feeds as the end", "GET / HTTP/1.1\nHost: x\n\n", 400},
      {"bare carriage return", start + "X-A: b\rX-B: c\r\n\r\n", 400},
      {"null in a value", start + std::string("X-A: b\0c\r\n\r\n", 12), 400},
      {"no colon", start + "Content-Length 5\r\n\r\n", 400},
      {"empty name", start + ": b\r\n\r\n", 400},
      {"name with a foreign character", start + "X(A: b\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", start + "Host: y\r\n\r\n", 400},
      {"host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
      {"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"absolute target", "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"blank in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"byte above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"blank line first", "\r\n", 400},
      {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"HTTP/0.9", "GET /\r\n\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"unknown expectation", start + "Expect: tea\r\n\r\n", 417},
      {"method with a foreign character", "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
  };
  for (const Case& each : cases) EXPECT_EQ(status_of(each.head), each.status) << each.name;
}

TEST(HeadParser, RefusesTooManyHeaders) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 99; ++i) head += "x-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(status_of(head + "\r\n"), 200);
  EXPECT_EQ(status_of(head + "x-last: 1\r\n\r\n"), 431);
}

TEST(HeadParser, AnyBytesGiveAnAnswer) {
  std::mt19937_64 random(5);
  const std::string base = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nA: b\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) {
    std::string head = base;
    for (auto flips = random() % 4 + 1; flips > 0; --flips) {
      head[random() % head.size()] = static_cast<char>(random() % 256);
    }
    HeadScan scan = scan_head(head, 0);
    if (scan.state != HeadScan::State::kFound) continue;
    auto parsed = parse(head.substr(0, scan.end));
    if (const ParsedHead* good = std::get_if<ParsedHead>(&parsed)) {
      EXPECT_TRUE(is_token(good->request.method));
      EXPECT_TRUE(is_origin_form(good->request.target));
      EXPECT_EQ(good->request.header_count("host"), 1u);
    }
  }
}

std::string decode(std::string_view chunks, ChunkedDecoder::State expected,
                   std::size_t step = 1000) {
  ChunkedDecoder decoder;
  std::string body;
  ChunkedDecoder::State state = ChunkedDecoder::State::kMore;
  while (!chunks.empty() && state == ChunkedDecoder::State::kMore) {
    std::string_view part = chunks.substr(0, step);
    std::size_t before = part.size();
    state = decoder.feed(part, &body);
    chunks.remove_prefix(before - part.size());
  }
  EXPECT_EQ(state, expected) << chunks;
  return body;
}

TEST(ChunkedDecoder, ReadsInAnyPieces) {
  for (std::size_t step : {1, 2, 3, 7, 100}) {
    EXPECT_EQ(decode("5\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
                     ChunkedDecoder::State::kDone, step),
              "helloabcdefghijklmnopqrstuvwxyz");
  }
}

TEST(ChunkedDecoder, LeavesWhatFollows) {
  ChunkedDecoder decoder;
  std::string body;
  std::string_view bytes = "0\r\n\r\nGET /";
  EXPECT_EQ(decoder.feed(bytes, &body), ChunkedDecoder::State::kDone);
  EXPECT_EQ(bytes, "GET /");
}

TEST(ChunkedDecoder, RefusesSmuggling) {
  const std::pair<const char*, const char*> cases[] = {
      {"extension (TERM.EXT)", "5;a=b\r\nhello\r\n0\r\n\r\n"},
      {"extension with a line feed", "5;\nhello\r\n0\r\n\r\n"},
      {"bare line feed after the size", "5\nhello\r\n0\r\n\r\n"},
      {"bare line feed after the data", "5\r\nhello\n0\r\n\r\n"},
      {"carriage return without its feed", "5\r\rhello\r\n0\r\n\r\n"},
      {"data longer than its size", "4\r\nhello\r\n0\r\n\r\n"},
      {"size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"},
      {"size with a sign", "+5\r\nhello\r\n0\r\n\r\n"},
      {"size with a blank", "5 \r\nhello\r\n0\r\n\r\n"},
      {"size beyond 32 bits", "100000005\r\nhello\r\n0\r\n\r\n"},
      {"no size", "\r\nhello\r\n0\r\n\r\n"},
      {"trailer", "0\r\nContent-Length: 5\r\n\r\n"},
  };
  for (const auto& [name, chunks] : cases) {
    SCOPED_TRACE(name);
    decode(chunks, ChunkedDecoder::State::kMalformed);
  }
}

TEST(Syntax, SmallThings) {
  EXPECT_TRUE(list_has("keep-alive, Close", "close"));
  EXPECT_FALSE(list_has("closed", "close"));
  EXPECT_EQ(date_text(1'763'805'600'000'000), "Sat, 22 Nov 2025 10:00:00 GMT");
  EXPECT_EQ(parse_content_length("00012"), 12u);
  EXPECT_EQ(parse_content_length("1 "), std::nullopt);
}

}  // namespace
}  // namespace freshet::http
