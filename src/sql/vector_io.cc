#include "sql/vector_io.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace freshet::sql {
namespace {

constexpr double kBoxScale = 65'535.0;
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

void write_uuids(const std::byte* values, std::size_t count, duckdb_vector to) {
  auto* out = static_cast<duckdb_hugeint*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < count; ++i) {
    EventId id;
    std::memcpy(&id, values + i * sizeof(EventId), sizeof(EventId));
    out[i] = hugeint_of(id);
  }
}

void write_boxes(const std::byte* values, std::size_t count, duckdb_vector to) {
  double* out[4];
  for (idx_t field = 0; field < 4; ++field) {
    out[field] =
        static_cast<double*>(duckdb_vector_get_data(duckdb_struct_vector_get_child(to, field)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    Box box;
    std::memcpy(&box, values + i * sizeof(Box), sizeof(Box));
    out[0][i] = box.x / kBoxScale;
    out[1][i] = box.y / kBoxScale;
    out[2][i] = box.w / kBoxScale;
    out[3][i] = box.h / kBoxScale;
  }
}

std::uint64_t* writable_validity(duckdb_vector vector) {
  duckdb_vector_ensure_validity_writable(vector);
  return duckdb_vector_get_validity(vector);
}

// A field of a null struct must be null itself: DuckDB reads fields without asking the struct.
void copy_validity_to_fields(duckdb_vector box, const std::uint64_t* words, std::size_t count) {
  for (idx_t field = 0; field < 4; ++field) {
    std::memcpy(writable_validity(duckdb_struct_vector_get_child(box, field)), words,
                (count + 63) / 64 * sizeof(std::uint64_t));
  }
}

void write_validity_bytes(const ColumnVector& from, std::size_t first, std::size_t count,
                          duckdb_vector to) {
  const std::uint8_t* valid = from.validity().data() + first;
  if (std::memchr(valid, 0, count) == nullptr) return;
  std::uint64_t* words = writable_validity(to);
  for (std::size_t word = 0; word * 64 < count; ++word) {
    std::uint64_t bits = 0;
    std::size_t end = std::min<std::size_t>(64, count - word * 64);
    for (std::size_t bit = 0; bit < end; ++bit)
      bits |= std::uint64_t{valid[word * 64 + bit] != 0} << bit;
    words[word] = bits;
  }
  if (from.type() == ColumnType::kBox) copy_validity_to_fields(to, words, count);
}

void write_texts(const ColumnVector& from, std::size_t first, std::size_t count, duckdb_vector to) {
  auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(to));
  const std::byte* values = from.data();
  const std::uint8_t* valid = from.validity().data();
  for (std::size_t i = 0; i < count; ++i) {
    std::string_view text;  // a null row's view may point anywhere
    if (valid[first + i] != 0)
      std::memcpy(&text, values + (first + i) * sizeof(text), sizeof(text));
    out[i] = string_of(text);
  }
}

// Gives validity[0, count) and true, or false where no row is null.
bool read_validity(duckdb_vector from, std::size_t count, std::uint8_t* valid) {
  const std::uint64_t* words = duckdb_vector_get_validity(from);
  if (words == nullptr) {
    std::memset(valid, 1, count);
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) valid[i] = (words[i / 64] >> (i % 64)) & 1;
  return true;
}

std::uint16_t box_fraction(double value) {
  return static_cast<std::uint16_t>(std::lround(std::clamp(value, 0.0, 1.0) * kBoxScale));
}

void read_boxes(duckdb_vector from, std::size_t count, std::byte* values, std::uint8_t* valid) {
  const double* in[4];
  const std::uint64_t* words[4];
  for (idx_t field = 0; field < 4; ++field) {
    duckdb_vector child = duckdb_struct_vector_get_child(from, field);
    in[field] = static_cast<double*>(duckdb_vector_get_data(child));
    words[field] = duckdb_vector_get_validity(child);
  }
  for (std::size_t i = 0; i < count; ++i) {
    bool whole = valid[i] != 0;
    for (int field = 0; field < 4 && whole; ++field) {
      whole = (words[field] == nullptr || (words[field][i / 64] >> (i % 64) & 1) != 0) &&
              !std::isnan(in[field][i]);
    }
    valid[i] = whole;
    if (!whole) continue;
    Box box{box_fraction(in[0][i]), box_fraction(in[1][i]), box_fraction(in[2][i]),
            box_fraction(in[3][i])};
    std::memcpy(values + i * sizeof(Box), &box, sizeof(Box));
  }
}

void read_texts(const void* data, std::size_t count, const std::uint8_t* valid, std::byte* values) {
  const auto* in = static_cast<const duckdb_string_t*>(data);
  for (std::size_t i = 0; i < count; ++i) {
    if (valid[i] == 0) continue;
    std::string_view text = view_of(in[i]);
    std::memcpy(values + i * sizeof(text), &text, sizeof(text));
  }
}

template <std::size_t width>
void gather_values(const std::byte* from, std::span<const std::uint32_t> rows, std::byte* to) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::memcpy(to + i * width, from + rows[i] * width, width);
}

}  // namespace

duckdb_string_t string_of(std::string_view text) {
  duckdb_string_t out;
  std::memset(&out, 0, sizeof(out));
  out.value.pointer.length = static_cast<std::uint32_t>(text.size());
  if (text.size() <= kInlinedBytes) {
    if (!text.empty()) std::memcpy(out.value.inlined.inlined, text.data(), text.size());
  } else {
    std::memcpy(out.value.pointer.prefix, text.data(), sizeof(out.value.pointer.prefix));
    out.value.pointer.ptr = const_cast<char*>(text.data());
  }
  return out;
}

std::string_view view_of(const duckdb_string_t& text) {
  std::uint32_t bytes = text.value.inlined.length;
  return {bytes <= kInlinedBytes ? text.value.inlined.inlined : text.value.pointer.ptr, bytes};
}

duckdb_hugeint hugeint_of(const EventId& id) {
  return {id.low, static_cast<std::int64_t>(id.high ^ kSignBit)};
}

EventId event_id_of(const duckdb_hugeint& value) {
  return {static_cast<std::uint64_t>(value.upper) ^ kSignBit, value.lower};
}

void write_values(ColumnType type, const std::byte* values, std::size_t first, std::size_t count,
                  duckdb_vector to) {
  values += first * column_type_bytes(type);
  if (type == ColumnType::kUuid) return write_uuids(values, count, to);
  if (type == ColumnType::kBox) return write_boxes(values, count, to);
  FRESHET_CHECK(!is_text(type));
  std::memcpy(duckdb_vector_get_data(to), values, count * column_type_bytes(type));
}

void write_validity(ColumnType type, const std::uint64_t* words, std::size_t first,
                    std::size_t count, duckdb_vector to) {
  // A writer may be adding bits of later rows to the last word: each is loaded once, whole.
  auto load = [words](std::size_t word) { return __atomic_load_n(words + word, __ATOMIC_RELAXED); };
  std::uint64_t* out = writable_validity(to);
  for (std::size_t done = 0; done < count; done += 64) {
    std::size_t at = first + done;
    std::size_t shift = at % 64;
    std::uint64_t bits = load(at / 64) >> shift;
    if (shift != 0 && shift + (count - done) > 64) bits |= load(at / 64 + 1) << (64 - shift);
    out[done / 64] = bits;
  }
  if (type == ColumnType::kBox) copy_validity_to_fields(to, out, count);
}

void write_column(const ColumnVector& from, std::size_t first, std::size_t count,
                  duckdb_vector to) {
  if (is_text(from.type()))
    write_texts(from, first, count, to);
  else
    write_values(from.type(), from.data(), first, count, to);
  write_validity_bytes(from, first, count, to);
}

void write_null(ColumnType type, std::size_t row, duckdb_vector to) {
  duckdb_validity_set_row_invalid(writable_validity(to), row);
  if (type != ColumnType::kBox) return;
  for (idx_t field = 0; field < 4; ++field)
    write_null(ColumnType::kDouble, row, duckdb_struct_vector_get_child(to, field));
}

void read_column(duckdb_vector from, std::size_t count, ColumnVector& to, std::size_t at) {
  FRESHET_CHECK(at + count <= to.row_count());
  if (count == 0) return;  // there may be nothing to point to
  std::size_t width = column_type_bytes(to.type());
  std::uint8_t* valid = to.mutable_validity() + at;
  std::byte* values = to.mutable_data() + at * width;
  read_validity(from, count, valid);
  if (to.type() == ColumnType::kBox) return read_boxes(from, count, values, valid);
  const void* data = duckdb_vector_get_data(from);
  if (is_text(to.type())) return read_texts(data, count, valid, values);
  if (to.type() == ColumnType::kUuid) {
    const auto* in = static_cast<const duckdb_hugeint*>(data);
    for (std::size_t i = 0; i < count; ++i) {
      EventId id = event_id_of(in[i]);
      std::memcpy(values + i * sizeof(id), &id, sizeof(id));
    }
    return;
  }
  std::memcpy(values, data, count * width);
}

void gather_rows(const ColumnVector& from, std::span<const std::uint32_t> rows, ColumnVector& to) {
  to.resize_null(rows.size());
  const std::uint8_t* valid = from.validity().data();
  std::uint8_t* valid_out = to.mutable_validity();
  for (std::size_t i = 0; i < rows.size(); ++i) valid_out[i] = valid[rows[i]];
  switch (column_type_bytes(from.type())) {
    case 1:
      return gather_values<1>(from.data(), rows, to.mutable_data());
    case 2:
      return gather_values<2>(from.data(), rows, to.mutable_data());
    case 4:
      return gather_values<4>(from.data(), rows, to.mutable_data());
    case 8:
      return gather_values<8>(from.data(), rows, to.mutable_data());
    default:
      return gather_values<16>(from.data(), rows, to.mutable_data());
  }
}

}  // namespace freshet::sql
