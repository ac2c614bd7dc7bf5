#include "server/kinesis/operation.h"

namespace freshet::kinesis {

// EnforceConsumerDeletion changes nothing here: a stream has no registered consumers.
Result<aws::Document> delete_stream(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(call.services.streams.remove(stream.name));
  call.services.scaling.forget(stream.id);
  return aws::Document();
}

}  // namespace freshet::kinesis
