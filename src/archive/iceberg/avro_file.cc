#include "archive/iceberg/avro_file.h"

#include <fmt/format.h>

#include "archive/iceberg/avro_decoder.h"
#include "archive/iceberg/avro_encoder.h"
#include "archive/iceberg/deflate.h"
#include "archive/iceberg/transform.h"
#include "common/bytes.h"

namespace freshet::archive::iceberg {
namespace {

constexpr std::string_view kMagic{"Obj\1", 4};
constexpr std::size_t kSyncBytes = 16;
constexpr std::size_t kFileBytesMax = std::size_t{256} << 20;

Error bad_file(std::string_view why) {
  return Error(Code::kCorruption, 3612, fmt::format("Avro file: {}", why));
}

void put_metadata(AvroEncoder& to, const std::map<std::string, std::string>& metadata) {
  to.begin_items(metadata.size());
  for (const auto& [name, value] : metadata) {
    to.put_bytes(name);
    to.put_bytes(value);
  }
  to.end_items();
}

// A marker only has to be unlikely in the records, and follows from them so that no chance is
// needed.
std::string sync_marker(std::string_view header, std::string_view records) {
  std::string marker(kSyncBytes, '\0');
  for (std::uint32_t part = 0; part < 4; ++part) {
    std::uint32_t hash = murmur3_x86_32(records, murmur3_x86_32(header, part));
    store_le(marker.data() + 4 * part, hash);
  }
  return marker;
}

Result<std::map<std::string, std::string>> read_header(AvroDecoder& from) {
  std::map<std::string, std::string> metadata;
  if (from.take_fixed(kMagic.size()) != kMagic) return bad_file("it does not begin as one");
  AvroType values;
  values.kind = AvroKind::kMap;
  values.children.emplace_back().kind = AvroKind::kBytes;
  from.each_member(values, [&](std::string_view name, const AvroType& type) {
    metadata[std::string(name)] = from.text(type);
  });
  FRESHET_TRY_STATUS(from.status());
  return metadata;
}

Result<AvroCodec> codec_of(const std::map<std::string, std::string>& metadata) {
  auto codec = metadata.find("avro.codec");
  if (codec == metadata.end() || codec->second == "null") return AvroCodec::kNull;
  if (codec->second == "deflate") return AvroCodec::kDeflate;
  return Error(Code::kUnsupported, 3612,
               fmt::format("Avro file: codec \"{}\"; null and deflate are read", codec->second));
}

Result<AvroType> record_type_of(const std::map<std::string, std::string>& metadata) {
  auto schema = metadata.find("avro.schema");
  if (schema == metadata.end()) return bad_file("it has no schema");
  auto json = parse_json(schema->second);
  if (!json) return bad_file(json.error().message());
  FRESHET_TRY(AvroType type, parse_avro_type(*json));
  if (type.kind != AvroKind::kRecord || !takes_bytes(type)) {
    return bad_file("its schema is not that of a record");
  }
  return type;
}

Status read_block(AvroDecoder& from, AvroCodec codec, std::string_view sync, AvroFile& to) {
  std::int64_t count = from.take_long();
  std::string_view block = from.take_bytes();
  if (from.take_fixed(kSyncBytes) != sync && from.ok()) from.fail("no sync marker");
  FRESHET_TRY_STATUS(from.status());
  std::size_t before = to.records.size();
  if (codec == AvroCodec::kNull) {
    to.records += block;
  } else {
    FRESHET_TRY_STATUS(inflate_append(block, kFileBytesMax, to.records));
  }
  if (count < 0 || static_cast<std::uint64_t>(count) > to.records.size() - before) {
    return bad_file("a block of more records than bytes");
  }
  to.record_count += count;
  return ok();
}

}  // namespace

std::string write_avro_file(std::string_view schema_json,
                            const std::map<std::string, std::string>& metadata,
                            std::string_view records, std::int64_t record_count, AvroCodec codec) {
  std::map<std::string, std::string> all = metadata;
  all["avro.schema"] = schema_json;
  all["avro.codec"] = codec == AvroCodec::kDeflate ? "deflate" : "null";
  AvroEncoder file;
  file.put_fixed(kMagic);
  put_metadata(file, all);
  std::string sync = sync_marker(file.bytes(), records);
  file.put_fixed(sync);
  if (record_count == 0) return file.take();
  file.put_long(record_count);
  file.put_bytes(codec == AvroCodec::kDeflate ? deflate_bytes(records) : std::string(records));
  file.put_fixed(sync);
  return file.take();
}

Result<AvroFile> read_avro_file(std::string_view bytes) {
  if (bytes.size() > kFileBytesMax) return bad_file("it is larger than 256 MiB");
  AvroDecoder from(bytes);
  AvroFile file;
  FRESHET_TRY(file.metadata, read_header(from));
  FRESHET_TRY(AvroCodec codec, codec_of(file.metadata));
  FRESHET_TRY(file.type, record_type_of(file.metadata));
  std::string sync(from.take_fixed(kSyncBytes));
  FRESHET_TRY_STATUS(from.status());
  while (!from.at_end()) {
    FRESHET_TRY_STATUS(read_block(from, codec, sync, file));
  }
  return file;
}

}  // namespace freshet::archive::iceberg
