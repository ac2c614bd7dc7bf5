#include "archive/iceberg/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "common/check.h"

namespace freshet::archive::iceberg {
namespace {

constexpr int kRawWindowBits = -15;  // negative: without header and checksum
// Avro's writers in Python, PyIceberg's too, cut zlib's header off and leave most of its checksum.
constexpr uInt kChecksumBytes = 4;
constexpr std::size_t kStepBytes = 64 * 1024;

Bytef* input_of(std::string_view bytes) {
  // zlib reads only, whatever its signature says.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

Error bad_block(std::string message) {
  return Error(Code::kCorruption, 3612, "Avro file: " + std::move(message));
}

// Unpacks into more and more room. A stream of zlib's that the caller has opened.
Status inflate_all(z_stream& stream, std::size_t bytes_max, std::string& to) {
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    if (to.size() >= bytes_max) return bad_block("it unpacks to more than 256 MiB");
    std::size_t before = to.size();
    std::size_t room = std::min(bytes_max - before, std::max(kStepBytes, before));
    to.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(to.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    state = inflate(&stream, Z_NO_FLUSH);
    to.resize(before + room - stream.avail_out);
    if (state != Z_OK && state != Z_STREAM_END) return bad_block("a block that is not deflated");
    // All is read, room is left, and no end came.
    if (state == Z_OK && stream.avail_out > 0 && stream.avail_in == 0) {
      return bad_block("a deflated block that does not end");
    }
  }
  if (stream.avail_in > kChecksumBytes) return bad_block("bytes behind a deflated block");
  return ok();
}

}  // namespace

std::string deflate_bytes(std::string_view bytes) {
  FRESHET_CHECK(bytes.size() < std::numeric_limits<uInt>::max() / 2);
  z_stream stream{};
  // Fails for want of memory alone.
  FRESHET_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindowBits, 8,
                             Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  int state = deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  FRESHET_CHECK(state == Z_STREAM_END);
  deflateEnd(&stream);
  return packed;
}

Status inflate_append(std::string_view bytes, std::size_t bytes_max, std::string& to) {
  FRESHET_CHECK(bytes_max < std::numeric_limits<uInt>::max());
  z_stream stream{};
  if (inflateInit2(&stream, kRawWindowBits) != Z_OK) {
    return Error(Code::kUnavailable, 3612, "Avro file: no memory to unpack it");
  }
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  Status done = inflate_all(stream, bytes_max, to);
  inflateEnd(&stream);
  return done;
}

}  // namespace freshet::archive::iceberg
