// A relation in memory, for the tests of what reads relations: a chunk per batch, texts in a
// dictionary of each chunk as in hot.
#pragma once

#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "event/column_batch.h"
#include "sql/relation.h"

namespace freshet::sql {

class ModelRelation : public Relation {
 public:
  explicit ModelRelation(Schema schema) : schema_(std::move(schema)) {}
  // Copies the rows. The first `hidden` of them are not shown.
  void add_chunk(const ColumnBatch& batch, std::uint32_t hidden = 0) {
    Chunk& chunk = chunks_.emplace_back();
    chunk.rows = {hidden, static_cast<std::uint32_t>(batch.row_count())};
    for (const ColumnVector& column : batch.columns) chunk.columns.push_back(copy_of(column));
    row_count_ += chunk.rows.end - chunk.rows.begin;
  }

  const Schema& schema() const override { return schema_; }
  std::uint64_t row_count() const override { return row_count_; }
  std::size_t chunk_count() const override { return chunks_.size(); }
  Rows chunk_rows(std::size_t chunk) const override { return chunks_[chunk].rows; }
  RelationColumn column(std::size_t chunk, std::size_t column) const override {
    const Column& of = chunks_[chunk].columns[column];
    return {of.values.data(), of.validity.empty() ? nullptr : of.validity.data(),
            static_cast<std::uint32_t>(of.texts.size())};
  }
  std::string_view text(std::size_t chunk, std::size_t column, std::uint32_t code) const override {
    return chunks_[chunk].columns[column].texts[code];
  }

 private:
  struct Column {
    std::vector<std::byte> values;
    std::vector<std::uint64_t> validity;
    std::deque<std::string> texts;
  };
  struct Chunk {
    Rows rows;
    std::vector<Column> columns;
  };

  static Column copy_of(const ColumnVector& from) {
    Column to;
    to.validity.resize(from.row_count() / 64 + 1);
    bool has_nulls = false;
    for (std::size_t row = 0; row < from.row_count(); ++row) {
      to.validity[row / 64] |= std::uint64_t{from.is_valid(row)} << (row % 64);
      has_nulls = has_nulls || !from.is_valid(row);
    }
    if (!has_nulls) to.validity.clear();
    if (is_text(from.type())) {
      copy_texts(from, to);
    } else {
      to.values.resize(from.row_count() * column_type_bytes(from.type()));
      std::memcpy(to.values.data(), from.data(), to.values.size());
    }
    return to;
  }

  static void copy_texts(const ColumnVector& from, Column& to) {
    std::map<std::string, std::uint32_t, std::less<>> known;
    to.texts.emplace_back();  // code 0 is the empty text; null rows wear it too
    known[""] = 0;
    to.values.resize(from.row_count() * sizeof(std::uint32_t));
    for (std::size_t row = 0; row < from.row_count(); ++row) {
      std::string text(from.is_valid(row) ? from.get<std::string_view>(row) : std::string_view());
      auto [place, added] = known.emplace(text, static_cast<std::uint32_t>(to.texts.size()));
      if (added) to.texts.push_back(text);
      std::memcpy(to.values.data() + row * sizeof(std::uint32_t), &place->second,
                  sizeof(std::uint32_t));
    }
  }

  Schema schema_;
  std::deque<Chunk> chunks_;
  std::uint64_t row_count_ = 0;
};

}  // namespace freshet::sql
