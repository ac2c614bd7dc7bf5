#include "archive/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "archive/iceberg/transform.h"
#include "archive/table_build.h"
#include "archive/table_columns.h"
#include "archive/table_past.h"
#include "common/bytes.h"
#include "common/time_text.h"
#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"

namespace freshet::archive {
namespace {

// Of a table whose files are sorted: by camera, then by time.
constexpr std::string_view kKeyColumn = "camera_id";

Result<sql::ParquetLayout> layout_of(const pipeline::TableInfo& info,
                                     const iceberg::TableSchema& schema) {
  sql::ParquetLayout layout;
  FRESHET_TRY(layout.columns, parquet_columns(info.schema, schema));
  auto key = info.schema.find(kKeyColumn);
  FRESHET_CHECK(key && info.time_column);
  layout.key_column = *key;
  layout.time_column = *info.time_column;
  return layout;
}

Position position_at(const hot::Snapshot& rows, hot::RowNumber row) {
  const hot::ChunkView* chunk = rows.find_chunk(row);
  FRESHET_CHECK(chunk != nullptr);
  std::size_t column = *rows.schema().find("position");
  return {chunk->values_as<std::uint64_t>(column)[row - chunk->first_row()]};
}

// Texts and blobs are cut; everything else is a bound as it is.
void set_bounds(iceberg::DataFile& to, const sql::ParquetColumnStats& stats,
                const iceberg::Field& field) {
  bool text = field.type.kind == iceberg::TypeKind::kString;
  bool blob = field.type.kind == iceberg::TypeKind::kBinary;
  if (stats.lower) {
    to.lower_bounds[field.id] = text   ? iceberg::lower_text_bound(*stats.lower)
                                : blob ? iceberg::lower_blob_bound(*stats.lower)
                                       : *stats.lower;
  }
  if (!stats.upper) return;
  std::optional<std::string> upper = text   ? iceberg::upper_text_bound(*stats.upper)
                                     : blob ? iceberg::upper_blob_bound(*stats.upper)
                                            : stats.upper;
  if (upper) to.upper_bounds[field.id] = *std::move(upper);
}

iceberg::DataFile data_file_of(const sql::ParquetFile& file, const std::string& url,
                               const iceberg::TableMetadata& table) {
  iceberg::DataFile data;
  data.path = url;
  data.partition.push_back(
      file.span_begin_us ? iceberg::Value(std::int64_t{iceberg::day_of_us(*file.span_begin_us)})
                         : iceberg::Value());
  data.record_count = static_cast<std::int64_t>(file.row_count);
  data.file_bytes = static_cast<std::int64_t>(file.bytes);
  for (const sql::ParquetColumnStats& stats : file.columns) {
    const iceberg::Field* field = table.current_schema().find(stats.field_id);
    if (field == nullptr) continue;
    data.column_bytes[field->id] = static_cast<std::int64_t>(stats.column_bytes);
    data.value_counts[field->id] = static_cast<std::int64_t>(stats.value_count);
    data.null_value_counts[field->id] = static_cast<std::int64_t>(stats.null_count);
    if (stats.nan_count)
      data.nan_value_counts[field->id] = static_cast<std::int64_t>(*stats.nan_count);
    set_bounds(data, stats, *field);
  }
  for (std::uint64_t offset : file.split_offsets)
    data.split_offsets.push_back(static_cast<std::int64_t>(offset));
  data.sort_order_id = table.default_sort_order_id;
  return data;
}

}  // namespace

Table::Table(const TableParts& parts, const pipeline::TableInfo& info)
    : parts_(parts), info_(info) {}

std::shared_ptr<const TableState> Table::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void Table::set_state(std::shared_ptr<const TableState> state) {
  MutexLock lock(mutex_);
  if (state_) past_.push_back(state_);
  state_ = std::move(state);
  std::erase_if(past_, [](const auto& past) { return past.expired(); });
}

pipeline::ArchivedPart Table::part() const {
  std::shared_ptr<const TableState> now = state();
  pipeline::ArchivedPart part;
  part.boundary = now->row.boundary;
  part.files = archive_table_of(now, read_columns_, parts_.files, parts_.store);
  if (const iceberg::Snapshot* current = now->metadata.current_snapshot())
    part.rewrites = rewrites_of(*current).count;
  part.at = [now, columns = read_columns_, files = parts_.files,
             &store = parts_.store](const pipeline::ArchiveMoment& moment) {
    return archive_table_at(now, moment, columns, files, store);
  };
  return part;
}

std::string Table::random_uuid() {
  std::array<std::byte, 16> bytes;
  parts_.random.fill(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string hex = to_hex(as_string_view(bytes));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

Result<std::unique_ptr<Table>> Table::open(const TableParts& parts, const pipeline::TableInfo& info,
                                           const std::optional<catalog::ArchiveTableRow>& row,
                                           const iceberg::Properties& properties) {
  auto table = std::unique_ptr<Table>(new Table(parts, info));
  if (row) {
    FRESHET_TRY(auto state, load_table_state(parts.store, parts.catalog, *row));
    if (is_filled(*state) && !info.pipeline.empty()) {
      return Error(Code::kInvalid, kErrorFilledTable,
                   fmt::format("the archived table {} was made by a replay: give pipeline {} "
                               "another table",
                               info.name, info.pipeline));
    }
    table->set_state(std::move(state));
    table->building_ = row->building;
  } else {
    FRESHET_TRY_STATUS(table->make_table(properties));
  }
  FRESHET_TRY_STATUS(table->fit_columns());
  FRESHET_TRY_STATUS(table->read_columns());
  return table;
}

// A table without a snapshot.
Status Table::make_table(const iceberg::Properties& properties) {
  iceberg::NewTable made;
  made.properties = properties;
  made.table_uuid = random_uuid();
  made.location = parts_.store.url_of(folder());
  FRESHET_TRY(made.schema, iceberg::new_schema(info_.schema));
  const std::string& time = info_.schema.columns[*info_.time_column].name;
  FRESHET_TRY(made.spec,
              iceberg::partition_by_time(made.schema.schema, time, iceberg::TimePartition::kDay));
  FRESHET_TRY(made.sort_order,
              iceberg::sort_by(made.schema.schema, {std::string(kKeyColumn), time}));
  for (iceberg::SortField& field : made.sort_order.fields) field.nulls_last = true;
  auto state = std::make_shared<TableState>();
  state->metadata = iceberg::new_table(std::move(made), now_ms());
  FRESHET_TRY(state->row.metadata_url,
              put_metadata_object(iceberg::metadata_file_name(0, random_uuid()),
                                  iceberg::write_metadata(state->metadata)));
  state->row.name = info_.name;
  state->row.table_uuid = state->metadata.table_uuid;
  state->row.location = state->metadata.location;
  FRESHET_TRY_STATUS(parts_.catalog.add_archive_table(state->row));
  set_state(std::move(state));
  return ok();
}

// Columns that came since are added; those that went stay, empty from now on.
Status Table::fit_columns() {
  std::shared_ptr<const TableState> base = state();
  Schema wanted = with_archived_columns(info_.schema, base->metadata.current_schema());
  auto next = iceberg::set_schema(base->metadata, wanted, now_ms());
  if (!next) {
    return std::move(next).error().with_context(fmt::format(
        "table {}: its columns do not fit the files that are archived already; give the changed "
        "column another name",
        info_.name));
  }
  if (next->current_schema_id == base->metadata.current_schema_id) return ok();
  return put_in_force(*base, *std::move(next), base->manifests, Change());
}

Status Table::read_columns() {
  std::shared_ptr<const TableState> now = state();
  const iceberg::TableSchema& schema = now->metadata.current_schema();
  FRESHET_TRY(layout_, layout_of(info_, schema));
  FRESHET_TRY(read_columns_, parquet_columns(with_archived_columns(info_.schema, schema), schema));
  span_name_ = now->metadata.default_spec().fields.front().name;
  return ok();
}

Result<bool> Table::append(const hot::Snapshot& all, Position published, std::uint32_t ref_version,
                           std::uint64_t rows_max) {
  std::shared_ptr<const TableState> base = state();
  Position boundary = base->row.boundary;
  if (published <= boundary) return false;
  Position last = published;
  // A step that was begun before a crash is made again as it was.
  bool repeats = building_ > boundary && building_ <= published;
  if (repeats) last = building_;
  hot::Snapshot rows = all.from(pipeline::first_row_at(all, Position{boundary.value + 1}));
  if (!repeats && rows.row_count() > rows_max)
    last = std::min(last, position_at(rows, rows.begin() + rows_max - 1));
  hot::RowNumber end = pipeline::first_row_at(rows, Position{last.value + 1});
  Change change;
  change.boundary = last;
  change.ref_version = ref_version;
  if (end == rows.begin()) {
    FRESHET_TRY_STATUS(commit(change));
    return last < published;
  }
  FRESHET_TRY_STATUS(parts_.catalog.begin_archive_append(info_.name, last));
  building_ = last;
  FRESHET_TRY(change.added, write_files(rows, end, Position{boundary.value + 1}, last));
  FRESHET_TRY_STATUS(commit(change));
  return last < published;
}

Result<std::vector<NewFile>> Table::write_files(const hot::Snapshot& rows, hot::RowNumber end,
                                                Position first, Position last) {
  pipeline::HotRelation relation(rows);
  std::vector<sql::RowRange> ranges;
  for (std::size_t i = 0; i < rows.chunks().size(); ++i) {
    const hot::ChunkView& chunk = rows.chunks()[i];
    if (chunk.first_row() >= end) break;
    auto stop = std::min<hot::RowNumber>(chunk.row_count(), end - chunk.first_row());
    if (stop > chunk.begin())
      ranges.push_back({i, chunk.begin(), static_cast<std::uint32_t>(stop)});
  }
  std::size_t count = 0;
  FRESHET_TRY(auto written,
              parts_.writer.write(relation, ranges, layout_, [&](std::optional<std::int64_t>) {
                return fmt::format("{}/{}.parquet", parts_.work_folder, ++count);
              }));
  std::vector<NewFile> files;
  Status all = ok();
  for (const sql::ParquetFile& file : written) {
    if (all) {
      auto stored = store_file(file, first, last);
      if (stored) {
        files.push_back(*std::move(stored));
      } else {
        all = std::move(stored).error();
      }
    }
    FRESHET_TRY_STATUS(remove_if_there(parts_.disk, file.path));
  }
  FRESHET_TRY_STATUS(std::move(all));
  return files;
}

Result<NewFile> Table::store_file(const sql::ParquetFile& file, Position first, Position last) {
  std::string day = "null";
  if (file.span_begin_us) {
    day = format_rfc3339_us(*file.span_begin_us);
    day.resize(day.find('T'));
  }
  std::string data_folder = fmt::format("{}/data/{}={}", folder(), span_name_, day);
  FRESHET_TRY(std::string stored,
              put_file(file, data_folder, fmt::format("{:020}-{:020}", first.value, last.value)));
  NewFile added;
  added.data = data_file_of(file, parts_.store.url_of(stored), state()->metadata);
  added.row = {stored, file.bytes, file.row_count, file.checksum};
  return added;
}

// Names follow from positions, so a step that is made again finds its file. Where that holds other
// bytes (another version of this program made it), the new one stands beside it.
Result<std::string> Table::put_file(const sql::ParquetFile& file, const std::string& data_folder,
                                    const std::string& stem) {
  for (int attempt = 1;; ++attempt) {
    std::string stored = attempt == 1 ? fmt::format("{}/{}.parquet", data_folder, stem)
                                      : fmt::format("{}/{}-{}.parquet", data_folder, stem, attempt);
    auto put = parts_.store.put_file(stored, file.path, object_store::PutCondition::if_absent());
    bool was_there = !put && put.error().code() == Code::kExists;
    if (!put && !was_there) return std::move(put).error();
    FRESHET_TRY(auto found, checksum_in_store(parts_.store, stored));
    if (found == std::pair(file.bytes, file.checksum)) return stored;
    if (was_there) continue;
    return Error(Code::kCorruption, 3833,
                 fmt::format("{}: {} bytes with checksum {} were stored, {} bytes with {} came "
                             "back; nothing is committed",
                             parts_.store.url_of(stored), file.bytes, file.checksum, found.first,
                             found.second));
  }
}

Result<std::string> Table::put_metadata_object(const std::string& name, const std::string& bytes) {
  std::string stored = fmt::format("{}/metadata/{}", folder(), name);
  FRESHET_TRY([[maybe_unused]] auto put, parts_.store.put(stored, as_bytes_of(bytes),
                                                          object_store::PutCondition::if_absent()));
  return parts_.store.url_of(stored);
}

}  // namespace freshet::archive
