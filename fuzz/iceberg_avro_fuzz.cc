// Any bytes as a manifest and as a manifest list: no crash, no memory without bound, and what was
// read can be planned over and, where our writer takes it, written and read again.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "archive/iceberg/manifest_list.h"
#include "archive/iceberg/planner.h"
#include "archive/iceberg/table_changes.h"
#include "common/check.h"

namespace {

using namespace freshet::archive::iceberg;  // NOLINT: a program of one file

TableMetadata table_of(const ManifestHead& head) {
  NewTable table;
  table.schema.schema = head.schema;
  table.spec = head.spec;
  return new_table(std::move(table), 1);
}

// A condition on every column, of each kind.
Predicate predicate_of(const TableSchema& schema) {
  Predicate predicate;
  for (const Field& field : schema.fields) {
    predicate.ranges.push_back({field.name, 0, std::numeric_limits<std::int64_t>::max()});
    predicate.texts.push_back({field.name, "camera"});
  }
  return predicate;
}

void check_manifest(std::string_view bytes) {
  ManifestFile listed;
  listed.manifest_bytes = static_cast<std::int64_t>(bytes.size());
  listed.sequence_number = 5;
  auto manifest = read_manifest(bytes, listed);
  if (!manifest) {
    FRESHET_CHECK(manifest.error().number() == 3610);
    return;
  }
  TableMetadata table = table_of(manifest->head);
  Planner planner(table, predicate_of(manifest->head.schema));
  auto selected = planner.select_files(*manifest);
  FRESHET_CHECK(!selected || selected->size() <= manifest->entries.size());
  std::set<std::string> removed;
  if (!manifest->entries.empty()) removed.insert(manifest->entries[0].file.path);
  auto entries = rewrite_entries(manifest->entries, 7, removed);
  auto written = write_manifest("m", 7, manifest->head, entries, AvroCodec::kNull);
  if (!written) return;
  auto again = read_manifest(written->bytes, [&] {
    ManifestFile next = written->listed;
    next.sequence_number = 6;
    return next;
  }());
  FRESHET_CHECK(again.has_value());
  FRESHET_CHECK(again->entries.size() == entries.size());
}

void check_list(std::string_view bytes) {
  auto list = read_manifest_list(bytes);
  if (!list) {
    FRESHET_CHECK(list.error().number() == 3611);
    return;
  }
  auto written = write_manifest_list({1, std::nullopt, std::numeric_limits<std::int64_t>::max()},
                                     *list, AvroCodec::kNull);
  FRESHET_CHECK(written.has_value());
  auto again = read_manifest_list(*written);
  FRESHET_CHECK(again.has_value());
  FRESHET_CHECK(*again == *list);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_manifest(bytes);
  check_list(bytes);
  return 0;
}
