// Bodies of POST /v1/streams/{s}/events: every event that is cut out lies inside the body, in
// order.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "server/console/event_body.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  freshet::console::PartitionKeyReader reader;
  for (const char* type : {"application/json", "application/x-ndjson"}) {
    auto events = freshet::console::split_events(body, type);
    if (!events) continue;
    const char* last = body.data();
    for (std::string_view event : *events) {
      FRESHET_CHECK(event.data() >= last);
      last = event.data() + event.size();
      FRESHET_CHECK(last <= body.data() + body.size());
      FRESHET_CHECK(!event.empty());
      FRESHET_CHECK(!reader.read(event).empty());
    }
  }
  return 0;
}
