// Any bytes as the body of an AWS request, in both encodings: no crash, and what is read and
// written again reads as the same value.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "aws/document.h"
#include "common/check.h"

namespace {

using freshet::aws::Document;

// Numbers that no text gives back exactly (NaN, infinities, a double in another encoding) are left
// out.
bool is_exact(const Document& value) {
  if (value.kind() == Document::Kind::kDouble || value.kind() == Document::Kind::kTimestamp)
    return false;
  if (const Document::List* items = value.items()) {
    for (const Document& item : *items)
      if (!is_exact(item)) return false;
  }
  if (const Document::Map* members = value.members()) {
    for (const Document::Member& member : *members)
      if (!is_exact(member.value)) return false;
  }
  return true;
}

void check_round_trip(const std::string& body, freshet::aws::Encoding encoding) {
  auto value = freshet::aws::parse(body, encoding);
  if (!value) {
    FRESHET_CHECK(!value.error().message().empty());
    return;
  }
  std::string written = freshet::aws::write(*value, encoding);
  auto again = freshet::aws::parse(written, encoding);
  // JSON has no byte strings: a blob of CBOR is not asked to survive it.
  FRESHET_CHECK(again.has_value());
  if (is_exact(*value)) FRESHET_CHECK(*again == *value);
  (void)freshet::aws::write(*value, freshet::aws::Encoding::kJson);
  (void)freshet::aws::write(*value, freshet::aws::Encoding::kCbor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string body(reinterpret_cast<const char*>(data), size);
  check_round_trip(body, freshet::aws::Encoding::kJson);
  check_round_trip(body, freshet::aws::Encoding::kCbor);
  return 0;
}
