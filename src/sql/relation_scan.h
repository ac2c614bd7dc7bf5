// The table function through which DuckDB reads relations: freshet_scan(name), for the relations
// that the connection was given and no others.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "common/mutex.h"
#include "common/result.h"
#include "sql/duckdb_handles.h"
#include "sql/relation.h"

namespace freshet::sql {

// Which connection sees which relations. Thread-safe. Owned by what owns the database, and outlives
// it.
class RelationRegistry {
 public:
  explicit RelationRegistry(std::uint32_t threads_max) : threads_max_(threads_max) {}
  // `relations` must stay until remove().
  void add(duckdb_connection connection, const Relations* relations);
  void remove(duckdb_connection connection);
  std::shared_ptr<const Relation> find(std::uint64_t connection_id, std::string_view name) const;
  std::uint32_t threads_max() const { return threads_max_; }

 private:
  std::uint32_t threads_max_;
  mutable Mutex mutex_;
  std::map<std::uint64_t, const Relations*> by_connection_ FRESHET_GUARDED_BY(mutex_);
};

Status register_relation_scan(duckdb_connection connection, RelationRegistry* registry);

}  // namespace freshet::sql
