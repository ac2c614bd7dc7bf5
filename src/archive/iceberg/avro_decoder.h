// Avro's binary encoding, read by the type with which it was written. The first fault stays: all
// later reads give nothing, so that a reader asks once, at the end. No read goes past the bytes,
// and no announced length is believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/iceberg/avro_type.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

class AvroDecoder {
 public:
  // `bytes` must outlive the decoder.
  explicit AvroDecoder(std::string_view bytes) : rest_(bytes), all_bytes_(bytes.size()) {}
  explicit AvroDecoder(std::string&&) = delete;

  bool ok() const { return fault_.empty(); }
  bool at_end() const { return rest_.empty(); }
  std::size_t rest_bytes() const { return rest_.size(); }
  // FRS-3612 with the fault and where it was met.
  Status status() const;
  void fail(std::string_view why);

  // As they lie in the bytes.
  std::int64_t take_long();
  std::string_view take_bytes();
  std::string_view take_fixed(std::uint64_t count);

  // By the writer's type. What may be null there is a union with null. A type that is not of the
  // kind asked for is a fault; int is taken for long.
  std::optional<bool> optional_boolean(const AvroType& type);
  std::optional<std::int64_t> optional_long(const AvroType& type);
  std::optional<std::int32_t> optional_int(const AvroType& type);
  std::optional<std::string> optional_text(const AvroType& type);  // string, bytes, fixed
  // The same, where null is a fault.
  bool boolean(const AvroType& type);
  std::int64_t long_integer(const AvroType& type);
  std::int32_t integer(const AvroType& type);
  std::string text(const AvroType& type);

  double floating(const AvroType& type);  // float or double, no union
  // The branch that was written, of a union; else the type itself.
  const AvroType& resolve(const AvroType& type);
  void skip(const AvroType& type);

  // Calls `take` with the type of the items, once for each. None where the array is null.
  template <typename Take>
  void each_item(const AvroType& type, Take take) {
    const AvroType& array = resolve(type);
    if (array.kind == AvroKind::kNull) return;
    if (array.kind != AvroKind::kArray) return fail("not an array");
    while (std::int64_t count = take_item_count()) {
      for (; count > 0 && ok(); --count) take(array.children[0]);
    }
  }

  // Calls `take` with name and type of each value of a map, which is no union.
  template <typename Take>
  void each_member(const AvroType& map, Take take) {
    while (std::int64_t count = take_item_count()) {
      for (; count > 0 && ok(); --count) {
        std::string_view name = take_bytes();
        if (ok()) take(name, map.children[0]);
      }
    }
  }

 private:
  // Of the next block of an array or map; 0 at its end.
  std::int64_t take_item_count();

  std::string_view rest_;
  std::size_t all_bytes_;
  std::string fault_;
};

}  // namespace freshet::archive::iceberg
