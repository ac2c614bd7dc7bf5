// Avro object container files: a header with metadata and the writer's schema, then blocks of
// records. Only what manifests and manifest lists need.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "archive/iceberg/avro_type.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

enum class AvroCodec : std::uint8_t { kNull, kDeflate };

// One block, and a sync marker that follows from the content: the same records give the same bytes.
// `metadata` is without "avro.schema" and "avro.codec".
std::string write_avro_file(std::string_view schema_json,
                            const std::map<std::string, std::string>& metadata,
                            std::string_view records, std::int64_t record_count, AvroCodec codec);

struct AvroFile {
  std::map<std::string, std::string> metadata;
  AvroType type;        // of a record
  std::string records;  // of all blocks, uncompressed
  std::int64_t record_count = 0;
};

// Strict: every length is checked before it is used, and what a file may unpack to is bounded.
// FRS-3612 where the bytes are not such a file.
Result<AvroFile> read_avro_file(std::string_view bytes);

}  // namespace freshet::archive::iceberg
