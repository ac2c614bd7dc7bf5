// What PutRecord and PutRecords answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "pipeline/stream_service.h"

namespace freshet::kinesis {

// {"FailedRecordCount":0,"Records":[{"SequenceNumber":"…","ShardId":"…"},…]}, in the order of the
// outcomes.
std::string encode_put_records(const std::vector<pipeline::PutOutcome>& outcomes,
                               aws::Encoding encoding);
// Every record failed for one reason: Kinesis says so record by record inside a 200.
std::string encode_put_records_failed(std::size_t record_count, std::string_view code,
                                      std::string_view message, aws::Encoding encoding);
std::string encode_put_record(const pipeline::PutOutcome& outcome, aws::Encoding encoding);

}  // namespace freshet::kinesis
