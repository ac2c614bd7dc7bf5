// What the server says of the archive, as people and awk read it.
#pragma once

#include <cstdint>
#include <string>

#include "cli/json.h"
#include "cli/text_table.h"

namespace freshet::cli {

// How sizes are written: "1.5 MiB", or as bytes for whoever adds them up.
enum class SizeForm { kUnits, kBytes };
std::string size_text(std::uint64_t bytes, SizeForm form = SizeForm::kUnits);

// Of GET /v1/archive's "tables".
TextTable archived_tables(const JsonValue& tables, SizeForm form);
// Of a table's "files".
TextTable archived_files(const JsonValue& files, SizeForm form);
// Of a job's "reports"; tables that failed are left to faults_text.
TextTable verified_tables(const JsonValue& reports, SizeForm form);
TextTable compacted_tables(const JsonValue& reports, SizeForm form);
// Damaged files and failed tables, each on a line with its code; "" where all is well.
std::string faults_text(const JsonValue& reports);

}  // namespace freshet::cli
