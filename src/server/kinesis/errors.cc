#include "server/kinesis/errors.h"

namespace freshet::kinesis {

Error unreadable_body(std::string message) {
  return Error(Code::kInvalid, kUnreadableBody, std::move(message));
}
Error broken_shape(std::string message) {
  return Error(Code::kInvalid, kBrokenShape, std::move(message));
}
Error broken_meaning(std::string message) {
  return Error(Code::kInvalid, kBrokenMeaning, std::move(message));
}
Error no_such_resource(std::string message) {
  return Error(Code::kNotFound, kNoSuchResource, std::move(message));
}
Error resource_busy(std::string message) {
  return Error(Code::kExists, kResourceBusy, std::move(message));
}
Error limit_reached(std::string message) {
  return Error(Code::kThrottled, kLimitReached, std::move(message));
}

namespace {

ErrorWords words_of_code(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kUnsupported:
      return {"InvalidArgumentException"};
    case Code::kNotFound:
      return {"ResourceNotFoundException"};
    case Code::kExists:
      return {"ResourceInUseException"};
    case Code::kDenied:
      return {"AccessDeniedException"};
    case Code::kExpired:
      return {"ExpiredIteratorException"};
    case Code::kThrottled:
      return {.name = "LimitExceededException", .come_again = true};
    case Code::kUnavailable:
    case Code::kNoSpace:
    case Code::kTimeout:
      return {.name = "InternalFailureException", .http_status = 500, .come_again = true};
    case Code::kCorruption:
    case Code::kIo:
    case Code::kInternal:
      break;
  }
  return {.name = "InternalFailureException", .http_status = 500, .ours = true};
}

}  // namespace

ErrorWords words_of(const Error& error) {
  switch (error.number()) {
    case kUnreadableBody:
      return {"SerializationException"};
    case kUnknownOperation:
      return {"UnknownOperationException"};
    case kBrokenShape:
      return {"ValidationException"};
    case kThroughputReached:
      return {.name = "ProvisionedThroughputExceededException", .come_again = true};
    case kLimitReached:
      return {"LimitExceededException"};
    case kOldListToken:
      return {"ExpiredNextTokenException"};
    default:
      return words_of_code(error.code());
  }
}

}  // namespace freshet::kinesis
