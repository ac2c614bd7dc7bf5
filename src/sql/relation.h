// Rows that a query may read, as they lie in memory: what query/ gives to QueryDatabase.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "event/schema.h"
#include "sql/archive_table.h"

namespace freshet::sql {

// One column of a chunk: values of column_type_bytes each from the chunk's row 0 on; for text the
// codes (u32) into the chunk's dictionary of that column.
struct RelationColumn {
  const std::byte* values = nullptr;
  const std::uint64_t* validity =
      nullptr;                        // bit row % 64 of word row / 64; null: every row is there
  std::uint32_t dictionary_size = 0;  // of text
};

// Immutable, and read by several threads at once. Everything it points to lives as long as itself.
class Relation {
 public:
  struct Rows {
    std::uint32_t begin = 0, end = 0;
  };
  virtual ~Relation() = default;
  virtual const Schema& schema() const = 0;
  virtual std::uint64_t row_count() const = 0;
  virtual std::size_t chunk_count() const = 0;
  virtual Rows chunk_rows(std::size_t chunk) const = 0;
  virtual RelationColumn column(std::size_t chunk, std::size_t column) const = 0;
  virtual std::string_view text(std::size_t chunk, std::size_t column,
                                std::uint32_t code) const = 0;
  // Why no row of the chunk can meet the constraints; nothing where one may.
  virtual std::optional<std::string> why_not(std::size_t /*chunk*/,
                                             const ScanConstraints& /*constraints*/) const {
    return std::nullopt;
  }
};

// By the name that SQL uses.
using Relations = std::map<std::string, std::shared_ptr<const Relation>, std::less<>>;

}  // namespace freshet::sql
