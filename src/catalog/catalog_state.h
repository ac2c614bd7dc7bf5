// What the sources of this folder share behind Catalog. Private to this folder.
#pragma once

#include <string>

#include "catalog/catalog.h"
#include "catalog/database.h"
#include "common/mutex.h"

namespace freshet::catalog {

struct Catalog::State {
  Mutex mutex;
  Database database FRESHET_GUARDED_BY(mutex);
  // Constant after open().
  std::uint64_t data_directory_id = 0;
  std::uint64_t id_seed = 0;
  std::string iterator_secret;
};

}  // namespace freshet::catalog
