#include "cli/result_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/json.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kExplainColumnsMax = 240;

// DuckDB's plan is a drawing of many lines: it stands below the table of what is read.
std::string render_explained(TextTable table) {
  auto place = [&](std::string_view name) {
    return static_cast<std::size_t>(std::find(table.names.begin(), table.names.end(), name) -
                                    table.names.begin());
  };
  std::size_t key = place("explain_key"), value = place("explain_value");
  std::string plans;
  std::erase_if(table.rows, [&](const std::vector<std::string>& row) {
    if (!row[key].ends_with("_plan")) return false;
    for (std::size_t begin = 0; begin < row[value].size();) {
      std::size_t end = std::min(row[value].find('\n', begin), row[value].size());
      plans += printable(row[value].substr(begin, end - begin)) + "\n";
      begin = end + 1;
    }
    return true;
  });
  return render_table(table, kExplainColumnsMax) + plans;
}

bool is_explained(const TextTable& table) {
  return !table.names.empty() && table.names.front() == "explain_key" &&
         table.names.back() == "explain_value";
}

}  // namespace

Result<RowFormat> row_format_of(const Invocation& invocation) {
  auto format = invocation.value("format");
  if (!format) {
    if (invocation.output().json()) return RowFormat::kVersionedJson;
    return invocation.output().plain() ? RowFormat::kPlain : RowFormat::kTable;
  }
  if (*format == "table") return RowFormat::kTable;
  if (*format == "csv") return RowFormat::kCsv;
  if (*format == "json") return RowFormat::kJson;
  if (*format == "ndjson") return RowFormat::kNdjson;
  return usage_error(fmt::format("--format takes table, csv, json or ndjson, not \"{}\"", *format));
}

std::string_view accept_of(RowFormat format) {
  if (format == RowFormat::kCsv) return "text/csv";
  return format == RowFormat::kNdjson ? "application/x-ndjson" : "application/json";
}

Status print_rows(Output& output, RowFormat format, const ServerAnswer& answer) {
  if (format == RowFormat::kCsv || format == RowFormat::kNdjson || format == RowFormat::kJson) {
    output.write(answer.body);
    if (!answer.body.empty() && answer.body.back() != '\n') output.write("\n");
    return ok();
  }
  if (format == RowFormat::kVersionedJson) {
    output.write_line(fmt::format("{{\"api\":\"v1\",\"cut\":{},\"rows\":{}}}",
                                  json_string(answer.cut), answer.body));
    return ok();
  }
  FRESHET_TRY(JsonValue rows, parse_json(answer.body));
  TextTable table = table_of(rows);
  if (format == RowFormat::kPlain) {
    output.write(render_plain(table));
    return ok();
  }
  if (is_explained(table)) {
    output.write(render_explained(std::move(table)));
    return ok();
  }
  output.write(render_table(table));
  if (output.stdout_is_terminal()) {
    output.note(fmt::format("({} row{})", table.rows.size(), table.rows.size() == 1 ? "" : "s"));
  }
  return ok();
}

Status print_partial_rows(Output& output, RowFormat format, ServerAnswer answer) {
  if (format == RowFormat::kVersionedJson) {
    output.write_line(fmt::format("{{\"api\":\"v1\",\"cut\":{},{}", json_string(answer.cut),
                                  answer.body.substr(1)));
    return ok();
  }
  if (format == RowFormat::kTable || format == RowFormat::kPlain) {
    FRESHET_TRY(JsonValue whole, parse_json(answer.body));
    answer.body = whole["rows"].to_json();
  }
  return print_rows(output, format, answer);
}

}  // namespace freshet::cli
