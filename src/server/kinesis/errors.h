// Errors of this door, and Kinesis's own words for them. Names and statuses: Amazon Kinesis API
// reference, "Errors" of each operation and "Common Errors".
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::kinesis {

// Stable numbers. Where an error has one of them, it decides the name; else its Code does.
enum ErrorNumber : int {
  kUnreadableBody = 2601,     // SerializationException
  kUnknownOperation = 2602,   // UnknownOperationException
  kBrokenShape = 2603,        // ValidationException: length, pattern, range
  kBrokenMeaning = 2604,      // InvalidArgumentException
  kNoSuchResource = 2605,     // ResourceNotFoundException
  kResourceBusy = 2606,       // ResourceInUseException
  kLimitReached = 2607,       // LimitExceededException
  kThroughputReached = 2608,  // ProvisionedThroughputExceededException
  kOldIterator = 2609,        // ExpiredIteratorException
  kOldListToken = 2610,       // ExpiredNextTokenException
  kNotAllowed = 4601,         // AccessDeniedException
};

Error unreadable_body(std::string message);
Error broken_shape(std::string message);
Error broken_meaning(std::string message);
Error no_such_resource(std::string message);
Error resource_busy(std::string message);
Error limit_reached(std::string message);

struct ErrorWords {
  std::string_view name;
  int http_status = 400;
  bool come_again = false;  // the same request may succeed later: say when
  bool ours = false;        // the client can do nothing about it: log it, and tell no internals
};
ErrorWords words_of(const Error& error);

}  // namespace freshet::kinesis
