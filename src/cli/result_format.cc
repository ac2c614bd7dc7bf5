#include "cli/result_format.h"

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/text_table.h"

namespace freshet::cli {

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
  output.write(render_table(table));
  if (output.stdout_is_terminal()) {
    output.note(fmt::format("({} row{})", table.rows.size(), table.rows.size() == 1 ? "" : "s"));
  }
  return ok();
}

}  // namespace freshet::cli
