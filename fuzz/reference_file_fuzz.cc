// Reference files before DuckDB reads them: CSV, a JSON array, NDJSON. No crash; a CSV file that is
// taken and cut inside its last line is not taken.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "sql/csv_check.h"
#include "sql/json_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  if (auto shape = freshet::sql::check_csv("f.csv", text)) {
    FRESHET_CHECK(text.back() == '\n' || text.back() == '\r');
    std::string_view cut = text.substr(0, text.size() - 1);
    bool ends_line = !cut.empty() && (cut.back() == '\n' || cut.back() == '\r');
    if (!cut.empty() && !ends_line)
      FRESHET_CHECK(!freshet::sql::check_csv("f.csv", cut).has_value());
  }
  (void)freshet::sql::check_json_array("f.json", text);
  (void)freshet::sql::check_ndjson("f.ndjson", text);
  return 0;
}
