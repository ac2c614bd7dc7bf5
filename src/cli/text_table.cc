#include "cli/text_table.h"

#include <algorithm>

namespace freshet::cli {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string cut(const std::string& text, std::size_t columns) {
  if (display_columns(text) <= columns) return text;
  std::size_t end = 0, seen = 0;
  while (end < text.size() && (seen < columns - 1 || is_continuation(text[end]))) {
    if (!is_continuation(text[end])) ++seen;
    ++end;
  }
  return text.substr(0, end) + "…";
}

void append_cell(std::string& line, const std::string& text, std::size_t width, bool to_right,
                 bool is_last) {
  std::size_t columns = display_columns(text);
  std::string padding(width - std::min(width, columns), ' ');
  if (to_right) line += padding;
  line += text;
  if (!to_right && !is_last) line += padding;
  if (!is_last) line += "  ";
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::size_t display_columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto c = static_cast<unsigned char>(out[i]);
    // C0, DEL, and C1 in UTF-8 (0xc2 0x80..0x9f).
    if (c < ' ' || c == 127) out[i] = '?';
    if (c == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0) {
      out.replace(i, 2, "?");
    }
  }
  return out;
}

TextTable table_of(const JsonValue& array) {
  TextTable table;
  for (const JsonValue& object : array.items) {
    std::vector<std::string> row(table.names.size());
    std::size_t expected = 0;
    for (const auto& [name, value] : object.members) {
      std::size_t column = expected++;
      if (column >= table.names.size() || table.names[column] != name) {
        auto found = std::find(table.names.begin(), table.names.end(), name);
        column = static_cast<std::size_t>(found - table.names.begin());
        if (found == table.names.end()) {
          table.names.push_back(name);
          table.is_number.push_back(true);
          row.emplace_back();
        }
      }
      bool is_number = value.kind == JsonValue::Kind::kNumber;
      if (!is_number && value.kind != JsonValue::Kind::kNull) table.is_number[column] = false;
      row[column] = value.to_text();
    }
    table.rows.push_back(std::move(row));
  }
  for (auto& row : table.rows) row.resize(table.names.size());
  return table;
}

std::string render_table(const TextTable& table, std::size_t cell_columns_max) {
  std::vector<std::vector<std::string>> cells{table.names};
  cells.insert(cells.end(), table.rows.begin(), table.rows.end());
  std::vector<std::size_t> widths(table.names.size(), 0);
  for (auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = cut(printable(row[i]), cell_columns_max);
      widths[i] = std::max(widths[i], display_columns(row[i]));
    }
  }
  std::string out;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    for (std::size_t i = 0; i < cells[r].size(); ++i) {
      append_cell(out, cells[r][i], widths[i], table.is_number[i], i + 1 == cells[r].size());
    }
    out += '\n';
    if (r > 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      out += std::string(widths[i], '-') + (i + 1 == widths.size() ? "\n" : "  ");
    }
  }
  return out;
}

std::string render_plain(const TextTable& table) {
  std::string out;
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += printable(row[i]);
      out += i + 1 == row.size() ? '\n' : '\t';
    }
  }
  return out;
}

std::string render_csv(const TextTable& table) {
  std::string out;
  auto append_line = [&out](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + csv_cell(cells[i]);
    out += '\n';
  };
  append_line(table.names);
  for (const auto& row : table.rows) append_line(row);
  return out;
}

}  // namespace freshet::cli
