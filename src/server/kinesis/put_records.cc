// PutRecords: decode, hand over, and answer once every record is durable and its row visible.
#include <fmt/format.h>

#include "common/check.h"
#include "common/logging.h"
#include "server/kinesis/put.h"

namespace freshet::kinesis {
namespace {

// Only what concerns the whole request fails it; else each record says for itself that it failed,
// so that a client's own retry of failed records works as on AWS.
void answer_failure(const Error& error, std::string_view stream_name, std::size_t record_count,
                    const Answer& answer) {
  switch (error.code()) {
    case Code::kInvalid:
    case Code::kNotFound:
    case Code::kDenied:
      return answer.fail(error);
    case Code::kThrottled:
      return answer.succeed_with(
          encode_put_records_failed(record_count, "ProvisionedThroughputExceededException",
                                    put_throttled(error, stream_name).message(), answer.encoding()),
          true);
    default:
      if (words_of(error).ours) {
        log_error(
            "put failed",
            {{"stream", stream_name}, {"records", record_count}, {"error", error.to_string()}});
      }
      return answer.succeed_with(
          encode_put_records_failed(record_count, "InternalFailure",
                                    "The server could not store this record now; send it again.",
                                    answer.encoding()),
          true);
  }
}

}  // namespace

void put_records(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                 Answer answer) {
  Result<PutRequest> put = decode_put_records(request);
  if (!put) return answer.fail(put.error());
  Result<pipeline::StreamInfo> stream = open_for_put(services, principal, "PutRecords", *put);
  if (!stream) return answer.fail(stream.error());
  std::size_t record_count = put->batch.records.size();
  services.streams.put(
      stream->id, std::move(put->batch),
      [answer, record_count,
       stream_name = stream->name](Result<std::vector<pipeline::PutOutcome>> outcomes) {
        if (!outcomes) return answer_failure(outcomes.error(), stream_name, record_count, answer);
        FRESHET_CHECK(outcomes->size() == record_count);
        answer.succeed_with(encode_put_records(*outcomes, answer.encoding()));
      });
}

}  // namespace freshet::kinesis
