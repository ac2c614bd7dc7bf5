// Any bytes as a KPL aggregate: no crash, no view outside of the bytes, indexes in order. The
// magic and the checksum are put right half of the time: no fuzzer guesses an MD5.
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "pipeline/aggregate.h"

namespace {

bool is_inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_aggregate(const std::string& bytes) {
  std::uint32_t next = 0;
  auto visited =
      freshet::pipeline::visit_aggregate(bytes, [&](const freshet::pipeline::UserRecord& record) {
        FRESHET_CHECK(record.index == next++);
        FRESHET_CHECK(is_inside(record.data, bytes));
        FRESHET_CHECK(is_inside(record.partition_key, bytes));
        if (record.explicit_hash_key) FRESHET_CHECK(is_inside(*record.explicit_hash_key, bytes));
      });
  bool is_aggregate = visited.has_value() && *visited;
  if (!is_aggregate) FRESHET_CHECK(next == 0);
  if (is_aggregate) FRESHET_CHECK(freshet::pipeline::looks_aggregated(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string message(reinterpret_cast<const char*>(data), size);
  check_aggregate(message);
  unsigned char checksum[EVP_MAX_MD_SIZE];
  unsigned int checksum_bytes = 0;
  FRESHET_CHECK(EVP_Digest(data, size, checksum, &checksum_bytes, EVP_md5(), nullptr) == 1);
  check_aggregate("\xF3\x89\x9A\xC2" + message +
                  std::string(reinterpret_cast<char*>(checksum), checksum_bytes));
  return 0;
}
