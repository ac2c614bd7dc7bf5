// Cuts the body of a put into events: NDJSON, a JSON array, or one object.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::console {

inline constexpr std::size_t kEventsMax = 10'000;

// Views into `body`, in order. An event need not be JSON: a line that is not becomes a record all
// the same, and the pipeline says in $dead what is wrong with it. kInvalid FRS-5103 where the body
// as a whole cannot be cut, or holds more than kEventsMax.
Result<std::vector<std::string_view>> split_events(std::string_view body,
                                                   std::string_view content_type);

// What a put without a key of its own uses as one: the event's camera_id (or its alias cam), so
// that a camera's events keep their order; "-" where it has none. One thread.
class PartitionKeyReader {
 public:
  PartitionKeyReader();
  ~PartitionKeyReader();
  std::string read(std::string_view event);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::console
