// The catalog's schema, as the steps that lead to it. Private to this folder.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "catalog/database.h"
#include "common/result.h"

namespace freshet::catalog {

inline constexpr std::int32_t kApplicationId = 0x46525343;  // "FRSC", at byte 68 of the file

struct Migration {
  std::int64_t version;
  const char* statements;
};

// In order, from version 1. A released step is never changed: a new one is added behind it.
std::span<const Migration> migrations();

// Brings the file to the last version, one transaction a step. An empty file becomes a catalog;
// what another program made (FRS-1352) or a later Freshet (FRS-1351) is refused untouched.
Status migrate(Database& database, const std::string& path);

}  // namespace freshet::catalog
