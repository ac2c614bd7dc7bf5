// Short texts from outside: the Authorization header, cut tokens, shard iterators, durations, sizes
// and times. No crash, and a token that is read is written as it stood.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/authorization.h"
#include "common/check.h"
#include "common/time_text.h"
#include "common/units.h"
#include "query/cut_token.h"
#include "server/kinesis/token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto header = freshet::aws::parse_authorization(text)) {
    FRESHET_CHECK(header->signature.size() == 64);
    FRESHET_CHECK(!header->signed_names.empty());
  }
  if (auto token = freshet::query::parse_cut_token(text)) {
    auto again = freshet::query::parse_cut_token(freshet::query::format_cut_token(*token));
    FRESHET_CHECK(again.has_value());
    FRESHET_CHECK(*again == *token);
  }
  static const freshet::kinesis::TokenSealer kSealer(freshet::kinesis::TokenSecret{});
  if (auto iterator = kSealer.open_iterator(text)) FRESHET_CHECK(kSealer.seal(*iterator) == text);
  if (auto token = kSealer.open_list_token(text)) FRESHET_CHECK(kSealer.seal(*token) == text);
  (void)freshet::parse_duration_us(text);
  (void)freshet::parse_bytes(text);
  (void)freshet::parse_rfc3339_us(text);
  return 0;
}
