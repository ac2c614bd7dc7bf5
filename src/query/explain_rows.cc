#include "query/explain_rows.h"

#include <fmt/format.h>

#include <iterator>

namespace freshet::query {
namespace {

constexpr std::size_t kNamesMax = 20;

}  // namespace

const Schema& ExplainRows::schema() {
  static const Schema schema{{{"explain_key", ColumnType::kText},
                              {"table", ColumnType::kText},
                              {"count", ColumnType::kUInt64},
                              {"rows", ColumnType::kUInt64},
                              {"bytes", ColumnType::kUInt64},
                              {"explain_value", ColumnType::kText}}};
  return schema;
}

ExplainRows::ExplainRows(const SqlAnswer& answer) {
  if (!answer.cut.empty()) add("cut", "", std::nullopt, format_cut_token(answer.cut));
  for (const auto& [table, scan] : answer.answer.scans) {
    add_files(table, scan);
    add_chunks(table, scan);
  }
  for (const sql::MissingPart& part : answer.missing) {
    std::optional<Amount> amount;
    if (part.rows) amount = Amount{1, *part.rows, 0};
    add("missing", part.table, amount, part.reason);
  }
  for (const auto& [key, text] : answer.answer.plan) add(key, "", std::nullopt, text);
}

ExplainRows::Amount ExplainRows::with(Amount amount, const std::vector<sql::LeftOut>& left_out) {
  for (const sql::LeftOut& left : left_out) {
    amount.count += left.count;
    amount.rows += left.rows;
    amount.bytes += left.bytes;
  }
  return amount;
}

void ExplainRows::add_files(const std::string& table, const sql::TableScan& scan) {
  if (scan.files.empty() && scan.files_left_out.empty()) return;
  Amount read{scan.files.size(), 0, 0};
  std::uint64_t row_groups = 0;
  for (const sql::ArchiveFile& file : scan.files) {
    read.rows += file.rows;
    read.bytes += file.bytes;
    row_groups += file.row_groups;
  }
  Amount all = with(read, scan.files_left_out);
  add("files", table, all, scan.snapshot);
  add("files read", table, read, fmt::format("{} row groups", row_groups));
  for (const sql::LeftOut& left : scan.files_left_out)
    add("files left out", table, Amount{left.count, left.rows, left.bytes}, left.reason);
  Amount more;
  for (std::size_t i = 0; i < scan.files.size(); ++i) {
    const sql::ArchiveFile& file = scan.files[i];
    if (i < kNamesMax) {
      add("file", table, Amount{1, file.rows, file.bytes}, file.shown_name());
      continue;
    }
    ++more.count;
    more.rows += file.rows;
    more.bytes += file.bytes;
  }
  if (more.count > 0) add("file", table, more, fmt::format("and {} more", more.count));
}

void ExplainRows::add_chunks(const std::string& table, const sql::TableScan& scan) {
  Amount read{scan.chunks, scan.chunk_rows, 0};
  Amount all = with(read, scan.chunks_left_out);
  add("chunks", table, all, "in memory");
  add("chunks read", table, read, "");
  for (const sql::LeftOut& left : scan.chunks_left_out)
    add("chunks left out", table, Amount{left.count, left.rows, 0}, left.reason);
}

void ExplainRows::add_text(std::size_t column, std::string text) {
  if (text.empty()) return batch_.columns[column].append_null();
  batch_.columns[column].append(std::string_view(texts_.emplace_back(std::move(text))));
}

void ExplainRows::add(std::string key, const std::string& table, std::optional<Amount> amount,
                      std::string value) {
  add_text(0, std::move(key));
  add_text(1, table);
  const std::uint64_t numbers[] = {amount ? amount->count : 0, amount ? amount->rows : 0,
                                   amount ? amount->bytes : 0};
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    if (amount)
      batch_.columns[2 + i].append(numbers[i]);
    else
      batch_.columns[2 + i].append_null();
  }
  add_text(5, std::move(value));
}

}  // namespace freshet::query
