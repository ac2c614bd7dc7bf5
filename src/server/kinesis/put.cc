#include "server/kinesis/put.h"

#include <fmt/format.h>

namespace freshet::kinesis {

Result<pipeline::StreamInfo> open_for_put(Services& services, const gate::Principal& principal,
                                          std::string_view operation, const PutRequest& put) {
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(services, principal, operation, put.reference));
  for (std::size_t i = 0; i < put.batch.records.size(); ++i) {
    const EventRecord& record = put.batch.records[i];
    std::size_t bytes = record.partition_key.size() + record.data.size();
    if (bytes <= stream.record_bytes_max) continue;
    return broken_meaning(fmt::format(
        "Record {} of {} is {} bytes with its partition key; stream {} takes records of up to {} "
        "bytes. UpdateMaxRecordSize can raise that to 10 MiB.",
        i + 1, put.batch.records.size(), bytes, stream.name, stream.record_bytes_max));
  }
  return stream;
}

Error put_throttled(const Error& error, std::string_view stream_name) {
  return Error(Code::kThrottled, kThroughputReached,
               fmt::format("Rate exceeded for stream {}: {}", stream_name, error.message()));
}

}  // namespace freshet::kinesis
