// Any bytes as HTTP/1.1: the head and a chunked body, whole and in two pieces, give the same
// answer.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/check.h"
#include "http/chunked_decoder.h"
#include "http/head_parser.h"

namespace {

using freshet::http::ChunkedDecoder;

struct Decoded {
  ChunkedDecoder::State state;
  std::string body;
  std::size_t left;
};

Decoded decode(std::string_view bytes, std::size_t cut) {
  ChunkedDecoder decoder;
  Decoded result{ChunkedDecoder::State::kMore, "", 0};
  std::string_view first = bytes.substr(0, cut), second = bytes.substr(cut);
  result.state = decoder.feed(first, &result.body);
  result.left = first.size() + second.size();
  if (result.state != ChunkedDecoder::State::kMore) return result;
  FRESHET_CHECK(first.empty());
  result.state = decoder.feed(second, &result.body);
  result.left = second.size();
  FRESHET_CHECK(result.body.size() <= decoder.announced_bytes());
  return result;
}

void check_chunked(std::string_view bytes) {
  Decoded whole = decode(bytes, bytes.size());
  Decoded cut = decode(bytes, bytes.size() / 2);
  FRESHET_CHECK(whole.state == cut.state);
  if (whole.state == ChunkedDecoder::State::kMalformed) return;
  FRESHET_CHECK(whole.body == cut.body);
  FRESHET_CHECK(whole.left == cut.left);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  using State = freshet::http::HeadScan::State;
  auto scan = freshet::http::scan_head(bytes, 0);
  std::string_view rest = bytes;
  if (scan.state == State::kFound) {
    FRESHET_CHECK(scan.end <= bytes.size());
    auto parsed = freshet::http::parse_head(std::string_view(bytes).substr(0, scan.end), {});
    if (auto* refusal = std::get_if<freshet::http::HeadRefusal>(&parsed)) {
      FRESHET_CHECK(refusal->status >= 400);
      FRESHET_CHECK(refusal->status < 600);
    }
    rest.remove_prefix(scan.end);
  }
  check_chunked(rest);
  return 0;
}
