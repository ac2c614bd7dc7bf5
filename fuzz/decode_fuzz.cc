// Any bytes as an event: no crash, and what is accepted obeys the schema. Decoding twice says the
// same, and the canonical attributes are their own canonical form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "pipeline/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;            // NOLINT
  using namespace freshet::pipeline;  // NOLINT
  constexpr std::int64_t kArrivalUs = 1'795'341'600'000'000;
  static Decoder decoder(DecodeConfig{.id_seed = 7});
  // An exact copy on the heap, so that a read past the end is seen.
  std::string json(reinterpret_cast<const char*>(data), size);
  ColumnBatch rows(detection_schema());
  decoder.release_texts();
  Decoded first = decoder.decode(json, kArrivalUs, rows);
  Decoded second = decoder.decode(json, kArrivalUs, rows);
  FRESHET_CHECK(first.accepted == second.accepted);
  FRESHET_CHECK(rows.row_count() == (first.accepted ? 2u : 0u));
  for (const ColumnVector& column : rows.columns)
    FRESHET_CHECK(column.row_count() == rows.row_count());
  if (!first.accepted) {
    FRESHET_CHECK(!first.detail.empty());
    return 0;
  }
  FRESHET_CHECK(first.content == second.content);
  for (std::size_t column : {1u, 3u}) {
    auto text = rows.columns[column].get<std::string_view>(0);
    FRESHET_CHECK(!text.empty());
    FRESHET_CHECK(text.size() <= 64);
  }
  if (rows.columns[10].is_valid(0)) {
    auto attributes = rows.columns[10].get<std::string_view>(0);
    FRESHET_CHECK(attributes.size() <= 4096);
    std::string again = R"({"id":"a","cam":"c","item":"i","ts":1,"attr":)";
    again.append(attributes).append("}");
    ColumnBatch canonical(detection_schema());
    FRESHET_CHECK(decoder.decode(again, kArrivalUs, canonical).accepted);
    FRESHET_CHECK(canonical.columns[10].get<std::string_view>(0) == attributes);
  }
  return 0;
}
