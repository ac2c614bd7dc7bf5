// What PutRecord and PutRecords share behind the decoding.
#pragma once

#include <string_view>

#include "server/kinesis/operation.h"
#include "server/kinesis/put_answer.h"
#include "server/kinesis/put_request.h"

namespace freshet::kinesis {

// The stream, once the caller may put there and every record fits it.
Result<pipeline::StreamInfo> open_for_put(Services& services, const gate::Principal& principal,
                                          std::string_view operation, const PutRequest& put);
// A full budget in the words of the data path.
Error put_throttled(const Error& error, std::string_view stream_name);

}  // namespace freshet::kinesis
