// Rows as people read them: columns side by side, numbers to the right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/json.h"

namespace freshet::cli {

struct TextTable {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> is_number;  // by column
};

// From an array of flat objects; columns in the order in which they first come.
TextTable table_of(const JsonValue& array);
// With a line of names and one of dashes. A cell is cut at `cell_columns_max`, and control
// characters are shown as '?': what comes from events never drives the terminal.
std::string render_table(const TextTable& table, std::size_t cell_columns_max = 80);
// Tab-separated, no header: for awk.
std::string render_plain(const TextTable& table);
// RFC 4180, with a line of names.
std::string render_csv(const TextTable& table);

// Columns that the UTF-8 text takes (one per code point).
std::size_t display_columns(std::string_view text);
// Control characters replaced.
std::string printable(std::string_view text);

}  // namespace freshet::cli
