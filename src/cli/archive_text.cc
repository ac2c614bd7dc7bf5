#include "cli/archive_text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace freshet::cli {
namespace {

// "2026-11-22T10:00:00.123456Z" to the second.
std::string moment_text(const JsonValue& time) {
  std::string text = time.to_text();
  if (text.empty()) return "never";
  std::size_t point = text.find('.');
  return point == std::string::npos ? text : text.substr(0, point) + 'Z';
}

bool has_failed(const JsonValue& report) {
  return report["error"].is_object();
}

}  // namespace

std::string size_text(std::uint64_t bytes, SizeForm form) {
  static constexpr std::array<std::string_view, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (form == SizeForm::kBytes) return std::to_string(bytes);
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

TextTable archived_tables(const JsonValue& tables, SizeForm form) {
  TextTable shown;
  shown.names = {"table", "files", "rows", "size", "boundary", "last commit", "metadata URL"};
  shown.is_number = {false, true, true, true, true, false, false};
  for (const JsonValue& table : tables.items) {
    shown.rows.push_back({table["name"].to_text(), table["files"].to_text(),
                          table["rows"].to_text(), size_text(table["bytes"].to_count(), form),
                          table["boundary"].to_text(), moment_text(table["committed"]),
                          table["metadata_url"].to_text()});
  }
  return shown;
}

TextTable archived_files(const JsonValue& files, SizeForm form) {
  TextTable shown;
  shown.names = {"file", "rows", "size"};
  shown.is_number = {false, true, true};
  for (const JsonValue& file : files.items) {
    shown.rows.push_back(
        {file["url"].to_text(), file["rows"].to_text(), size_text(file["bytes"].to_count(), form)});
  }
  return shown;
}

TextTable verified_tables(const JsonValue& reports, SizeForm form) {
  TextTable shown;
  shown.names = {"table", "version", "files", "rows", "size", "damaged"};
  shown.is_number = {false, true, true, true, true, true};
  for (const JsonValue& report : reports.items) {
    if (has_failed(report)) continue;
    shown.rows.push_back({report["table"].to_text(), report["version"].to_text(),
                          report["files"].to_text(), report["rows"].to_text(),
                          size_text(report["bytes"].to_count(), form),
                          std::to_string(report["damaged"].items.size())});
  }
  return shown;
}

TextTable compacted_tables(const JsonValue& reports, SizeForm) {
  TextTable shown;
  shown.names = {"table", "files before", "files after", "rows", "duplicates removed"};
  shown.is_number = {false, true, true, true, true};
  for (const JsonValue& report : reports.items) {
    if (has_failed(report)) continue;
    shown.rows.push_back({report["table"].to_text(), report["files_before"].to_text(),
                          report["files_after"].to_text(), report["rows"].to_text(),
                          report["duplicates_removed"].to_text()});
  }
  return shown;
}

std::string faults_text(const JsonValue& reports) {
  std::string text;
  for (const JsonValue& report : reports.items) {
    std::string table = printable(report["table"].to_text());
    for (const JsonValue& file : report["damaged"].items) {
      text += fmt::format("{}: {}: {}\n", table, printable(file["url"].to_text()),
                          printable(file["error"].to_text()));
    }
    if (has_failed(report)) {
      text += fmt::format("{}: {} {}\n", table, report["error"]["code"].to_text(),
                          printable(report["error"]["message"].to_text()));
    }
  }
  return text;
}

}  // namespace freshet::cli
