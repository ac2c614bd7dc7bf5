// What Query and Scan share: their common parameters, and an answer that grows row by row.
#pragma once

#include <optional>
#include <string>

#include "server/dynamodb/index_reader.h"
#include "server/dynamodb/operation.h"

namespace freshet::dynamodb {

struct ReadParameters {
  std::string table;
  std::optional<std::string> index_name;
  std::optional<std::int64_t> limit;
  bool consistent = false;
  bool count_only = false;
  std::string capacity;  // ReturnConsumedCapacity
  std::optional<Condition> filter;
  Projection projection;
  const aws::Document* start_key = nullptr;
};

// All but what only one of the two has; `placeholders` serve its expressions too.
Result<ReadParameters> parse_read_parameters(const Input& input, Placeholders& placeholders);

// The index that the request names, or null for the table itself.
Result<const TableIndex*> find_index(const ReadParameters& parameters, const TableShape& shape);
// Constants that a filter compares a time with, in the form in which times are shown.
void normalise_times(Condition& filter, const TableShape& shape);

// ExclusiveStartKey: the item that the page before ended with.
struct StartKey {
  std::string id;
  std::string hash;          // of an index
  std::int64_t time_us = 0;  // of an index
};
Result<StartKey> parse_start_key(const aws::Document& key, const TableShape& shape,
                                 const TableIndex* index);

// An answer under way. Rows count towards Limit and page size before the filter looks at them. The
// snapshot that they lie in must outlive it.
class Page {
 public:
  Page(const ReadParameters& parameters, const TableShape& shape, const TableIndex* index)
      : parameters_(parameters), shape_(shape), index_(index) {}

  // False where the page is full: then this row is not in it, and the next page begins with it.
  bool add(const Item& item);
  // True where Limit is reached.
  bool reached_limit() const { return scanned_ == parameters_.limit; }
  std::uint64_t rows_left() const;
  // `has_more`: the last row added is where the next page goes on.
  std::string finish(bool has_more) &&;

 private:
  const ReadParameters& parameters_;
  const TableShape& shape_;
  const TableIndex* index_;
  std::string items_;
  const hot::ChunkView* last_chunk_ = nullptr;
  std::uint32_t last_row_ = 0;
  std::int64_t scanned_ = 0;
  std::int64_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace freshet::dynamodb
