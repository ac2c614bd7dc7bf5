// ReferenceTable to the bytes that the catalog keeps, and back.

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "event/position.h"
#include "pipeline/reference_format.h"
#include "pipeline/reference_table.h"

namespace freshet::pipeline {
namespace {

// Cuts `bytes` from the front of `from`; nothing where fewer are left.
std::optional<std::string_view> cut(std::string_view& from, std::uint64_t bytes) {
  if (bytes > from.size()) return std::nullopt;
  auto taken = from.substr(0, bytes);
  from.remove_prefix(bytes);
  return taken;
}
template <typename T>
std::optional<T> cut_number(std::string_view& from) {
  auto bytes = cut(from, sizeof(T));
  if (!bytes) return std::nullopt;
  return load_le<T>(bytes->data());
}
std::optional<std::string_view> cut_text(std::string_view& from) {
  auto length = cut_number<std::uint32_t>(from);
  if (!length) return std::nullopt;
  return cut(from, *length);
}

void put_text(std::string& to, std::string_view text) {
  auto length = static_cast<std::uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&length), 4).append(text);
}
template <typename T>
void put_number(std::string& to, T value) {
  char bytes[sizeof(T)];
  store_le(bytes, value);
  to.append(bytes, sizeof(T));
}

std::uint32_t crc_of(std::string_view all) {
  std::uint32_t crc = crc32c(0, as_bytes_of(all.substr(reference_format::kVersionAt, 4)));
  return crc32c(crc, as_bytes_of(all.substr(reference_format::kBodyBytesAt)));
}

Error corrupt(std::string_view what) {
  return Error(Code::kCorruption, 1309,
               fmt::format("stored reference table: {}; load the table from its file again", what));
}

// Column `index` of a stored table.
Status read_column(std::string_view& body, std::uint64_t rows, ColumnVector& to) {
  auto validity = cut(body, rows);
  if (!validity) return corrupt("cut short");
  std::size_t width = column_type_bytes(to.type());
  std::optional<std::string_view> values = cut(body, rows * (is_text(to.type()) ? 4 : width));
  if (!values) return corrupt("cut short");
  to.reserve(rows);
  if (!is_text(to.type())) {
    to.resize_null(rows);
    std::array<char, 16> value;
    for (std::uint64_t row = 0; row < rows; ++row) {
      char flag = (*validity)[row];
      if (flag != 0 && flag != 1) return corrupt("a validity byte is neither 0 nor 1");
      if (flag == 0) {
        if (values->substr(row * width, width).find_first_not_of('\0') != std::string_view::npos)
          return corrupt("a null holds a value");
        continue;
      }
      std::memcpy(value.data(), values->data() + row * width, width);
      if (to.type() == ColumnType::kBool && value[0] != 0 && value[0] != 1)
        return corrupt("a BOOLEAN is neither 0 nor 1");
      switch (width) {
        case 1:
          to.set(row, load_le<std::uint8_t>(value.data()));
          break;
        case 2:
          to.set(row, load_le<std::uint16_t>(value.data()));
          break;
        case 4:
          to.set(row, load_le<std::uint32_t>(value.data()));
          break;
        case 8:
          to.set(row, load_le<std::uint64_t>(value.data()));
          break;
        default:
          to.set(row, load_le<EventId>(value.data()));
      }
    }
    return ok();
  }
  for (std::uint64_t row = 0; row < rows; ++row) {
    auto text = cut(body, load_le<std::uint32_t>(values->data() + row * 4));
    if (!text) return corrupt("cut short");
    char flag = (*validity)[row];
    if (flag != 0 && flag != 1) return corrupt("a validity byte is neither 0 nor 1");
    if (flag == 0 && !text->empty()) return corrupt("a null holds a value");
    if (flag == 1)
      to.append(*text);
    else
      to.append_null();
  }
  return ok();
}

}  // namespace

std::string ReferenceTable::to_bytes() const {
  std::string to(reference_format::kHeaderBytes, '\0');
  put_text(to, name());
  put_text(to, key_column());
  put_number(to, static_cast<std::uint32_t>(schema().columns.size()));
  put_number(to, static_cast<std::uint64_t>(row_count()));
  for (const ColumnSchema& column : schema().columns) {
    to.push_back(static_cast<char>(column.type));
    put_text(to, column.name);
  }
  for (const ColumnVector& column : rows().columns) {
    std::size_t width = column_type_bytes(column.type());
    for (std::uint8_t flag : column.validity()) to.push_back(flag != 0 ? '\1' : '\0');
    for (std::size_t row = 0; row < row_count(); ++row) {
      if (is_text(column.type())) {
        auto text = column.is_valid(row) ? column.get<std::string_view>(row) : std::string_view();
        put_number(to, static_cast<std::uint32_t>(text.size()));
      } else if (column.is_valid(row)) {
        to.append(reinterpret_cast<const char*>(column.data()) + row * width, width);
      } else {
        to.append(width, '\0');
      }
    }
    for (std::size_t row = 0; is_text(column.type()) && row < row_count(); ++row) {
      if (column.is_valid(row)) to.append(column.get<std::string_view>(row));
    }
  }
  std::memcpy(to.data(), reference_format::kMagic.data(), reference_format::kMagic.size());
  store_le(to.data() + reference_format::kVersionAt, reference_format::kVersion);
  store_le(to.data() + reference_format::kBodyBytesAt,
           static_cast<std::uint64_t>(to.size() - reference_format::kHeaderBytes));
  store_le(to.data() + reference_format::kContentHashAt, content_hash());
  store_le(to.data() + reference_format::kCrcAt, crc_of(to));
  return to;
}

Result<std::shared_ptr<const ReferenceTable>> ReferenceTable::from_bytes(std::string_view bytes) {
  namespace format = reference_format;
  if (bytes.size() < format::kHeaderBytes || !bytes.starts_with(format::kMagic))
    return corrupt("this is none");
  if (load_le<std::uint32_t>(bytes.data() + format::kCrcAt) != crc_of(bytes))
    return corrupt("its checksum does not fit");
  auto version = load_le<std::uint32_t>(bytes.data() + format::kVersionAt);
  if (version != format::kVersion) {
    return Error(Code::kUnsupported, 1309,
                 fmt::format("stored reference table: format version {}, this binary reads {}; "
                             "use a newer one",
                             version, format::kVersion));
  }
  std::string_view body = bytes.substr(format::kHeaderBytes);
  if (load_le<std::uint64_t>(bytes.data() + format::kBodyBytesAt) != body.size())
    return corrupt("its length does not fit");
  auto name = cut_text(body);
  auto key_column = name ? cut_text(body) : std::nullopt;
  auto column_count = key_column ? cut_number<std::uint32_t>(body) : std::nullopt;
  auto row_count = column_count ? cut_number<std::uint64_t>(body) : std::nullopt;
  if (!row_count || *column_count > reference_format::kColumnsMax ||
      *row_count > reference_format::kRowsMax)
    return corrupt("its shape is impossible");
  Schema schema;
  for (std::uint32_t i = 0; i < *column_count; ++i) {
    auto type = cut_number<std::uint8_t>(body);
    auto column_name = type ? cut_text(body) : std::nullopt;
    if (!column_name || *type > static_cast<std::uint8_t>(ColumnType::kBlob))
      return corrupt("a column is impossible");
    schema.columns.push_back({std::string(*column_name), static_cast<ColumnType>(*type)});
  }
  ColumnBatch rows(schema);
  for (ColumnVector& column : rows.columns)
    FRESHET_TRY_STATUS(read_column(body, *row_count, column));
  if (!body.empty()) return corrupt("more stands behind its end");
  auto table = make(std::string(*name), std::string(*key_column), schema, rows);
  if (!table) return corrupt(table.error().message());
  if ((*table)->content_hash() != load_le<std::uint64_t>(bytes.data() + format::kContentHashAt))
    return corrupt("its content is not what was stored");
  return table;
}

}  // namespace freshet::pipeline
