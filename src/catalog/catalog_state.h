// What the sources of this folder share behind Catalog. Private to this folder.
#pragma once

#include <cstdint>
#include <string>

#include "catalog/catalog.h"
#include "catalog/database.h"
#include "common/mutex.h"

namespace freshet::catalog {

// SQLite's integers are signed; positions stay bit for bit.
inline std::int64_t to_integer(Position position) {
  return static_cast<std::int64_t>(position.value);
}
inline Position to_position(std::int64_t integer) {
  return {static_cast<std::uint64_t>(integer)};
}

struct Catalog::State {
  Mutex mutex;
  Database database FRESHET_GUARDED_BY(mutex);
  // Constant after open().
  std::uint64_t data_directory_id = 0;
  std::uint64_t id_seed = 0;
  std::string iterator_secret;
  std::string erasure_key;
};

}  // namespace freshet::catalog
