// PutRecord: one record, and one error where it fails.
#include "common/check.h"
#include "server/kinesis/put.h"

namespace freshet::kinesis {

void put_record(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                Answer answer) {
  Result<PutRequest> put = decode_put_record(request);
  if (!put) return answer.fail(put.error());
  Result<pipeline::StreamInfo> stream = open_for_put(services, principal, "PutRecord", *put);
  if (!stream) return answer.fail(stream.error());
  services.streams.put(
      stream->id, std::move(put->batch),
      [answer, stream_name = stream->name](Result<std::vector<pipeline::PutOutcome>> outcomes) {
        if (!outcomes) {
          const Error& error = outcomes.error();
          return answer.fail(error.code() == Code::kThrottled ? put_throttled(error, stream_name)
                                                              : error);
        }
        FRESHET_CHECK(outcomes->size() == 1);
        answer.succeed_with(encode_put_record(outcomes->front(), answer.encoding()));
      });
}

}  // namespace freshet::kinesis
