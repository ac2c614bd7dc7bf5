// Any bytes as PutRecords and PutRecord, in both encodings: no crash, and what is accepted keeps
// every limit of the request.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "server/kinesis/put_request.h"

namespace {

void check_request(const std::string& body, freshet::gate::Encoding encoding, bool many) {
  freshet::gate::AwsRequest request;
  request.encoding = encoding;
  request.body = body;
  auto decoded = many ? freshet::kinesis::decode_put_records(request)
                      : freshet::kinesis::decode_put_record(request);
  if (!decoded) {
    FRESHET_CHECK(!decoded.error().message().empty());
    return;
  }
  std::size_t count = decoded->batch.records.size();
  FRESHET_CHECK(count >= 1);
  FRESHET_CHECK(count <= freshet::kinesis::kPutRecordsMax);
  FRESHET_CHECK(decoded->batch.data_bytes() <= freshet::kinesis::kPutBytesMax);
  std::size_t seen = 0;  // reads every byte, so that a view that points nowhere is found
  for (const freshet::EventRecord& record : decoded->batch.records) {
    FRESHET_CHECK(!record.partition_key.empty());
    for (char symbol : record.partition_key) seen += static_cast<unsigned char>(symbol);
    for (char symbol : record.data) seen += static_cast<unsigned char>(symbol);
  }
  FRESHET_CHECK(seen != ~std::size_t{0});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string body(reinterpret_cast<const char*>(data), size);
  for (bool many : {true, false}) {
    check_request(body, freshet::gate::Encoding::kJson, many);
    check_request(body, freshet::gate::Encoding::kCbor, many);
  }
  return 0;
}
