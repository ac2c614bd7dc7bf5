// Any bytes as the metadata of an Iceberg table: no crash, what is read is written and read as the
// same table, and the changes of a commit leave a table that can be read.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "archive/iceberg/table_changes.h"
#include "common/check.h"

namespace {

using namespace freshet::archive::iceberg;  // NOLINT: a program of one file

void check_readable(const TableMetadata& table) {
  std::string text = write_metadata(table);
  auto again = parse_metadata(text);
  FRESHET_CHECK(again.has_value());
  FRESHET_CHECK(*again == table);
  FRESHET_CHECK(write_metadata(*again) == text);
}

void check_changes(const TableMetadata& table) {
  check_readable(expire_snapshots(table, {table.last_updated_ms, 1, {}}, 1).table);
  check_readable(record_previous_metadata(table, "before", 1));
  NewSnapshot snapshot;
  snapshot.snapshot_id = 4'711;
  snapshot.parent_snapshot_id = table.current_snapshot_id;
  snapshot.added = {1, 10, 100};
  if (auto next = add_snapshot(table, snapshot, 1)) check_readable(*next);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto table = parse_metadata(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!table) {
    FRESHET_CHECK(table.error().number() >= 3600 && table.error().number() < 3700);
    return 0;
  }
  check_readable(*table);
  check_changes(*table);
  return 0;
}
