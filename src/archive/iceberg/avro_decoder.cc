#include "archive/iceberg/avro_decoder.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "common/bytes.h"

namespace freshet::archive::iceberg {
namespace {

const AvroType kNullType;

}  // namespace

Status AvroDecoder::status() const {
  if (ok()) return freshet::ok();
  return Error(Code::kCorruption, 3612, "Avro: " + fault_);
}

void AvroDecoder::fail(std::string_view why) {
  if (ok()) fault_ = fmt::format("{} at byte {}", why, all_bytes_ - rest_.size());
  rest_ = {};
}

std::int64_t AvroDecoder::take_long() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    auto byte = static_cast<unsigned char>(rest_.front());
    // The tenth byte has room for one bit.
    if (shift == 63 && byte > 1) break;
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  fail("a number that does not end");
  return 0;
}

std::string_view AvroDecoder::take_fixed(std::uint64_t count) {
  if (count > rest_.size()) {
    fail("a length beyond the end");
    return {};
  }
  std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::string_view AvroDecoder::take_bytes() {
  // A negative length is a huge one.
  return take_fixed(static_cast<std::uint64_t>(take_long()));
}

const AvroType& AvroDecoder::resolve(const AvroType& type) {
  if (type.kind != AvroKind::kUnion) return type;
  auto branch = static_cast<std::uint64_t>(take_long());
  if (!ok()) return kNullType;
  if (branch < type.children.size()) return type.children[branch];
  fail("a branch that the union does not have");
  return kNullType;
}

std::optional<bool> AvroDecoder::optional_boolean(const AvroType& type) {
  const AvroType& written = resolve(type);
  if (written.kind == AvroKind::kNull) return std::nullopt;
  if (written.kind != AvroKind::kBoolean) fail("not a boolean");
  std::string_view byte = take_fixed(1);
  return !byte.empty() && byte[0] != '\0';
}

std::optional<std::int64_t> AvroDecoder::optional_long(const AvroType& type) {
  const AvroType& written = resolve(type);
  if (written.kind == AvroKind::kNull) return std::nullopt;
  if (written.kind != AvroKind::kInt && written.kind != AvroKind::kLong) fail("not a number");
  return take_long();
}

std::optional<std::int32_t> AvroDecoder::optional_int(const AvroType& type) {
  std::optional<std::int64_t> value = optional_long(type);
  if (!value) return std::nullopt;
  if (!std::in_range<std::int32_t>(*value)) fail("a number beyond 32 bits");
  return static_cast<std::int32_t>(*value);
}

std::optional<std::string> AvroDecoder::optional_text(const AvroType& type) {
  const AvroType& written = resolve(type);
  switch (written.kind) {
    case AvroKind::kNull:
      return std::nullopt;
    case AvroKind::kString:
    case AvroKind::kBytes:
      return std::string(take_bytes());
    case AvroKind::kFixed:
      return std::string(take_fixed(static_cast<std::uint64_t>(written.fixed_bytes)));
    default:
      fail("not a text");
      return std::nullopt;
  }
}

bool AvroDecoder::boolean(const AvroType& type) {
  std::optional<bool> value = optional_boolean(type);
  if (!value) fail("null where a value must be");
  return value.value_or(false);
}

std::int64_t AvroDecoder::long_integer(const AvroType& type) {
  std::optional<std::int64_t> value = optional_long(type);
  if (!value) fail("null where a value must be");
  return value.value_or(0);
}

std::int32_t AvroDecoder::integer(const AvroType& type) {
  std::optional<std::int32_t> value = optional_int(type);
  if (!value) fail("null where a value must be");
  return value.value_or(0);
}

std::string AvroDecoder::text(const AvroType& type) {
  std::optional<std::string> value = optional_text(type);
  if (!value) fail("null where a value must be");
  return std::move(value).value_or("");
}

double AvroDecoder::floating(const AvroType& type) {
  if (type.kind == AvroKind::kFloat) {
    std::string_view bytes = take_fixed(sizeof(float));
    return bytes.empty() ? 0 : load_le<float>(bytes.data());
  }
  if (type.kind != AvroKind::kDouble) fail("not a floating number");
  std::string_view bytes = take_fixed(sizeof(double));
  return bytes.empty() ? 0 : load_le<double>(bytes.data());
}

std::int64_t AvroDecoder::take_item_count() {
  std::int64_t count = take_long();
  if (count < 0) {
    // Then the block's bytes follow, for readers that jump over it.
    if (count == std::numeric_limits<std::int64_t>::min()) count = 1;
    count = -count;
    if (take_long() < 0) fail("a block of negative size");
  }
  // Every item takes a byte at least: parse_avro_type() sees to that, and a map's has its key.
  if (static_cast<std::uint64_t>(count) > rest_.size()) fail("more items than bytes");
  return ok() ? count : 0;
}

void AvroDecoder::skip(const AvroType& type) {
  const AvroType& written = resolve(type);
  switch (written.kind) {
    case AvroKind::kNull:
      return;
    case AvroKind::kBoolean:
      take_fixed(1);
      return;
    case AvroKind::kInt:
    case AvroKind::kLong:
    case AvroKind::kEnum:
      take_long();
      return;
    case AvroKind::kFloat:
      take_fixed(sizeof(float));
      return;
    case AvroKind::kDouble:
      take_fixed(sizeof(double));
      return;
    case AvroKind::kBytes:
    case AvroKind::kString:
      take_bytes();
      return;
    case AvroKind::kFixed:
      take_fixed(static_cast<std::uint64_t>(written.fixed_bytes));
      return;
    case AvroKind::kRecord:
      for (const AvroType& child : written.children) {
        if (ok()) skip(child);
      }
      return;
    case AvroKind::kArray:
      return each_item(written, [this](const AvroType& item) { skip(item); });
    case AvroKind::kMap:
      return each_member(written, [this](std::string_view, const AvroType& item) { skip(item); });
    case AvroKind::kUnion:
      return fail("a union in a union");
  }
}

}  // namespace freshet::archive::iceberg
