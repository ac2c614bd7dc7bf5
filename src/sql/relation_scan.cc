// Threads take slices of chunks from one counter. Numbers are copied as blocks; a text is a 16-byte
// handle into the chunk's own memory, taken from an array made once per chunk and column, so a row
// of text costs one copy of 16 bytes whatever its length.
#include "sql/relation_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "sql/column_types.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

// A multiple of 64 (validity words) and of DuckDB's vector; half of a full chunk of hot.
constexpr std::uint32_t kSliceRows = 32'768;

// Handles of all texts of one column of a chunk.
struct TextHandles {
  std::once_flag once;
  std::unique_ptr<duckdb_string_t[]> handles;
};

struct Slice {
  std::size_t chunk = 0;
  std::uint32_t begin = 0, end = 0;
};

struct BoundScan {
  std::shared_ptr<const Relation> relation;
};

// One scan of one query, shared by its threads.
struct RelationScan {
  std::shared_ptr<const Relation> relation;
  std::vector<std::size_t> columns;  // of the schema; one past it is DuckDB's row id: not filled
  std::vector<Slice> slices;
  std::atomic<std::size_t> next_slice{0};
  std::vector<TextHandles> texts;  // chunk after chunk, a handle array per column of `columns`

  explicit RelationScan(std::shared_ptr<const Relation> of) : relation(std::move(of)) {}
};

// What one thread is at.
struct ThreadScan {
  Slice slice;
  std::vector<RelationColumn> data;  // of the slice's chunk, per column of the scan
};

void bind_relation(duckdb_bind_info info) {
  auto* registry = static_cast<RelationRegistry*>(duckdb_bind_get_extra_info(info));
  duckdb_client_context context = nullptr;
  duckdb_table_function_get_client_context(info, &context);
  std::uint64_t connection_id = duckdb_client_context_get_connection_id(context);
  duckdb_destroy_client_context(&context);
  Value name(duckdb_bind_get_parameter(info, 0));
  char* text = duckdb_get_varchar(name.get());
  auto relation = registry->find(connection_id, text == nullptr ? "" : text);
  duckdb_free(text);
  if (relation == nullptr) return duckdb_bind_set_error(info, "there is no such table");
  for (const ColumnSchema& column : relation->schema().columns) {
    LogicalType type = logical_type_of(column.type);
    duckdb_bind_add_result_column(info, column.name.c_str(), type.get());
  }
  duckdb_bind_set_cardinality(info, relation->row_count(), true);
  duckdb_bind_set_bind_data(info, new BoundScan{std::move(relation)},
                            [](void* data) { delete static_cast<BoundScan*>(data); });
}

std::vector<Slice> slices_of(const Relation& relation) {
  std::vector<Slice> slices;
  for (std::size_t chunk = 0; chunk < relation.chunk_count(); ++chunk) {
    Relation::Rows rows = relation.chunk_rows(chunk);
    for (std::uint32_t begin = rows.begin; begin < rows.end;) {
      std::uint32_t end = std::min(rows.end, (begin / kSliceRows + 1) * kSliceRows);
      slices.push_back({chunk, begin, end});
      begin = end;
    }
  }
  return slices;
}

void init_relation(duckdb_init_info info) {
  auto* registry = static_cast<RelationRegistry*>(duckdb_init_get_extra_info(info));
  auto* bound = static_cast<BoundScan*>(duckdb_init_get_bind_data(info));
  auto scan = std::make_unique<RelationScan>(bound->relation);
  for (idx_t i = 0; i < duckdb_init_get_column_count(info); ++i)
    scan->columns.push_back(duckdb_init_get_column_index(info, i));
  scan->slices = slices_of(*scan->relation);
  scan->texts = std::vector<TextHandles>(scan->relation->chunk_count() * scan->columns.size());
  duckdb_init_set_max_threads(
      info, std::clamp<std::uint64_t>(scan->slices.size(), 1, registry->threads_max()));
  duckdb_init_set_init_data(info, scan.release(),
                            [](void* data) { delete static_cast<RelationScan*>(data); });
}

void init_thread(duckdb_init_info info) {
  duckdb_init_set_init_data(info, new ThreadScan,
                            [](void* data) { delete static_cast<ThreadScan*>(data); });
}

bool take_slice(RelationScan& scan, ThreadScan& thread) {
  std::size_t next = scan.next_slice.fetch_add(1, std::memory_order_relaxed);
  if (next >= scan.slices.size()) return false;
  thread.slice = scan.slices[next];
  thread.data.assign(scan.columns.size(), {});
  for (std::size_t i = 0; i < scan.columns.size(); ++i) {
    if (scan.columns[i] < scan.relation->schema().columns.size())
      thread.data[i] = scan.relation->column(thread.slice.chunk, scan.columns[i]);
  }
  return true;
}

const duckdb_string_t* handles_of(RelationScan& scan, std::size_t chunk, std::size_t index,
                                  std::uint32_t dictionary_size) {
  TextHandles& slot = scan.texts[chunk * scan.columns.size() + index];
  std::call_once(slot.once, [&] {
    slot.handles = std::make_unique<duckdb_string_t[]>(dictionary_size);
    for (std::uint32_t code = 0; code < dictionary_size; ++code)
      slot.handles[code] = string_of(scan.relation->text(chunk, scan.columns[index], code));
  });
  return slot.handles.get();
}

void write_codes(RelationScan& scan, const ThreadScan& thread, std::size_t index,
                 std::uint32_t count, duckdb_vector to) {
  const RelationColumn& column = thread.data[index];
  auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(to));
  const auto* codes = reinterpret_cast<const std::uint32_t*>(column.values) + thread.slice.begin;
  std::size_t chunk = thread.slice.chunk;
  // Where nearly every row has a text of its own, the array would only cost memory.
  Relation::Rows rows = scan.relation->chunk_rows(chunk);
  if (column.dictionary_size > (rows.end - rows.begin) / 4 + 64) {
    for (std::uint32_t i = 0; i < count; ++i) {
      out[i] = codes[i] < column.dictionary_size
                   ? string_of(scan.relation->text(chunk, scan.columns[index], codes[i]))
                   : string_of({});
    }
    return;
  }
  const duckdb_string_t* handles = handles_of(scan, chunk, index, column.dictionary_size);
  for (std::uint32_t i = 0; i < count; ++i)
    out[i] = codes[i] < column.dictionary_size ? handles[codes[i]] : string_of({});
}

void scan_relation(duckdb_function_info info, duckdb_data_chunk output) {
  auto& scan = *static_cast<RelationScan*>(duckdb_function_get_init_data(info));
  auto& thread = *static_cast<ThreadScan*>(duckdb_function_get_local_init_data(info));
  if (thread.slice.begin == thread.slice.end && !take_slice(scan, thread))
    return duckdb_data_chunk_set_size(output, 0);
  auto count = static_cast<std::uint32_t>(
      std::min<idx_t>(duckdb_vector_size(), thread.slice.end - thread.slice.begin));
  const Schema& schema = scan.relation->schema();
  for (std::size_t i = 0; i < scan.columns.size(); ++i) {
    if (scan.columns[i] >= schema.columns.size()) continue;
    ColumnType type = schema.columns[scan.columns[i]].type;
    duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
    if (is_text(type))
      write_codes(scan, thread, i, count, vector);
    else
      write_values(type, thread.data[i].values, thread.slice.begin, count, vector);
    if (thread.data[i].validity != nullptr)
      write_validity(type, thread.data[i].validity, thread.slice.begin, count, vector);
  }
  thread.slice.begin += count;
  duckdb_data_chunk_set_size(output, count);
}

std::uint64_t id_of(duckdb_connection connection) {
  duckdb_client_context context = nullptr;
  duckdb_connection_get_client_context(connection, &context);
  std::uint64_t id = duckdb_client_context_get_connection_id(context);
  duckdb_destroy_client_context(&context);
  return id;
}

}  // namespace

void RelationRegistry::add(duckdb_connection connection, const Relations* relations) {
  std::uint64_t id = id_of(connection);
  MutexLock lock(mutex_);
  by_connection_[id] = relations;
}

void RelationRegistry::remove(duckdb_connection connection) {
  std::uint64_t id = id_of(connection);
  MutexLock lock(mutex_);
  by_connection_.erase(id);
}

std::shared_ptr<const Relation> RelationRegistry::find(std::uint64_t connection_id,
                                                       std::string_view name) const {
  MutexLock lock(mutex_);
  auto relations = by_connection_.find(connection_id);
  if (relations == by_connection_.end()) return nullptr;
  auto relation = relations->second->find(name);
  return relation == relations->second->end() ? nullptr : relation->second;
}

Status register_relation_scan(duckdb_connection connection, RelationRegistry* registry) {
  TableFunction function(duckdb_create_table_function());
  LogicalType text(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
  duckdb_table_function_set_name(function.get(), "freshet_scan");
  duckdb_table_function_add_parameter(function.get(), text.get());
  duckdb_table_function_set_extra_info(function.get(), registry, nullptr);
  duckdb_table_function_set_bind(function.get(), bind_relation);
  duckdb_table_function_set_init(function.get(), init_relation);
  duckdb_table_function_set_local_init(function.get(), init_thread);
  duckdb_table_function_set_function(function.get(), scan_relation);
  duckdb_table_function_supports_projection_pushdown(function.get(), true);
  if (duckdb_register_table_function(connection, function.get()) == DuckDBError)
    return Error(Code::kInternal, 9612, "DuckDB does not take the table function of relations");
  return ok();
}

}  // namespace freshet::sql
