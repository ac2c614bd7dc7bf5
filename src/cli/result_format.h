// The forms in which rows are asked for and printed.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/server_client.h"

namespace freshet::cli {

enum class RowFormat { kTable, kPlain, kCsv, kJson, kNdjson, kVersionedJson };

// --format, else --json or --plain, else a table.
Result<RowFormat> row_format_of(const Invocation& invocation);
// What to ask the server for.
std::string_view accept_of(RowFormat format);
// Prints an answer that was asked for with accept_of(format).
Status print_rows(Output& output, RowFormat format, const ServerAnswer& answer);
// The same of one that may be partial: as JSON it is {"partial":[…],"rows":[…]}.
Status print_partial_rows(Output& output, RowFormat format, ServerAnswer answer);

}  // namespace freshet::cli
