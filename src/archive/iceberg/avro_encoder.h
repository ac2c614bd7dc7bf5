// Avro's binary encoding, onto the end of a string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/bytes.h"

namespace freshet::archive::iceberg {

class AvroEncoder {
 public:
  // For int and long: zigzag, then seven bits a byte.
  void put_long(std::int64_t value) {
    auto rest = static_cast<std::uint64_t>(value) << 1;
    if (value < 0) rest = ~rest;
    for (; rest >= 0x80; rest >>= 7) bytes_ += static_cast<char>(rest | 0x80);
    bytes_ += static_cast<char>(rest);
  }
  void put_boolean(bool value) { bytes_ += value ? '\1' : '\0'; }
  template <typename T>
  void put_floating(T value) {
    char raw[sizeof(T)];
    store_le(raw, value);
    bytes_.append(raw, sizeof raw);
  }
  // For bytes and string.
  void put_bytes(std::string_view bytes) {
    put_long(static_cast<std::int64_t>(bytes.size()));
    bytes_ += bytes;
  }
  void put_fixed(std::string_view bytes) { bytes_ += bytes; }
  // The branch of a union of null and one other type.
  void put_is_there(bool is_there) { put_long(is_there ? 1 : 0); }
  // Before `count` items of an array or map, and the end behind them.
  void begin_items(std::size_t count) {
    if (count > 0) put_long(static_cast<std::int64_t>(count));
  }
  void end_items() { put_long(0); }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace freshet::archive::iceberg
