#include "catalog/catalog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "catalog/catalog_state.h"
#include "catalog/migrations.h"
#include "common/bytes.h"

namespace freshet::catalog {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kErasureKeyBytes = 16;

// The file holds the iterators' secret, so it is made for its owner alone before SQLite opens it
// (SQLite gives its side files the same mode). The directory is synced: a catalog whose name is
// lost in a crash would orphan the log.
Status make_private_file(const std::string& path) {
  auto refused = [&](const char* what) {
    return Error(Code::kIo, kErrorRefused, fmt::format("{}: {}: {}", path, what, strerror(errno)));
  };
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return refused("the catalog cannot be made or opened");
  ::close(file);
  auto parent = std::filesystem::path(path).parent_path();
  int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return refused("its directory cannot be opened");
  int synced = ::fsync(directory);
  if (synced != 0) {
    auto error = refused("its directory cannot be synced");
    ::close(directory);
    return error;
  }
  ::close(directory);
  return ok();
}

Status check_integrity(Database& database, const std::string& path) {
  FRESHET_TRY(Statement check, database.prepare("PRAGMA quick_check(1)"));
  FRESHET_TRY(bool row, check.step());
  if (row && check.text_at(0) == "ok") return ok();
  return Error(Code::kCorruption, kErrorDamaged,
               fmt::format("{}: the catalog is damaged ({}); restore it from a copy", path,
                           row ? check.text_at(0) : "no answer to quick_check"));
}

// The value kept under `name`; made from `random` at the first start.
Result<std::string> identity_value(Database& database, std::string_view name, std::size_t bytes,
                                   io::Random& random) {
  FRESHET_TRY(Statement select, database.prepare("SELECT value FROM identity WHERE name = ?"));
  FRESHET_TRY(bool found, select.text(name).step());
  if (found) {
    std::string value = select.text_at(0);
    if (value.size() == bytes) return value;
    return Error(Code::kCorruption, kErrorDamaged,
                 fmt::format("the catalog's {} has {} bytes, not {}", name, value.size(), bytes));
  }
  std::string made(bytes, '\0');
  random.fill(std::as_writable_bytes(std::span(made)));
  FRESHET_TRY(Statement insert, database.prepare("INSERT INTO identity VALUES (?, ?)"));
  FRESHET_TRY_STATUS(insert.text(name).blob(made).run());
  return made;
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path, io::Random& random) {
  FRESHET_TRY_STATUS(make_private_file(path));
  auto state = std::make_unique<State>();
  MutexLock lock(state->mutex);
  Database& database = state->database;
  FRESHET_TRY_STATUS(database.open(path));
  // WAL with FULL syncs at each commit. (The rollback journal would need EXTRA: with FULL its
  // unlinking is not synced, and a commit could come undone in a power cut.) Nobody else may open
  // the file while we run.
  FRESHET_TRY_STATUS(
      database.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; "
                       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  FRESHET_TRY_STATUS(check_integrity(database, path));
  FRESHET_TRY_STATUS(migrate(database, path));
  {
    FRESHET_TRY(Transaction transaction, Transaction::begin(database));
    FRESHET_TRY(std::string directory,
                identity_value(database, "data_directory_id", sizeof(std::uint64_t), random));
    FRESHET_TRY(std::string seed,
                identity_value(database, "id_seed", sizeof(std::uint64_t), random));
    FRESHET_TRY(state->iterator_secret,
                identity_value(database, "iterator_secret", kSecretBytes, random));
    FRESHET_TRY(state->erasure_key,
                identity_value(database, "erasure_key", kErasureKeyBytes, random));
    FRESHET_TRY_STATUS(transaction.commit());
    state->data_directory_id = load_le<std::uint64_t>(directory.data());
    state->id_seed = load_le<std::uint64_t>(seed.data());
  }
  return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

std::uint64_t Catalog::data_directory_id() const {
  return state_->data_directory_id;
}
std::uint64_t Catalog::id_seed() const {
  return state_->id_seed;
}
std::string Catalog::iterator_secret() const {
  return state_->iterator_secret;
}
std::string Catalog::erasure_key() const {
  return state_->erasure_key;
}

Result<std::vector<PoisonRow>> Catalog::poison() {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT record_hash, attempts FROM poison ORDER BY 1"));
  std::vector<PoisonRow> rows;
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) return rows;
    rows.push_back({static_cast<std::uint64_t>(select.integer_at(0)),
                    static_cast<std::uint32_t>(select.integer_at(1))});
  }
}

Result<std::uint32_t> Catalog::add_poison_attempt(std::uint64_t record_hash) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement upsert,
              state_->database.prepare("INSERT INTO poison VALUES (?, 1) ON CONFLICT (record_hash) "
                                       "DO UPDATE SET attempts = attempts + 1 RETURNING attempts"));
  FRESHET_TRY(bool row, upsert.integer(static_cast<std::int64_t>(record_hash)).step());
  FRESHET_CHECK(row);
  auto attempts = static_cast<std::uint32_t>(upsert.integer_at(0));
  // The transaction ends, and is durable, when the statement has run to its end.
  FRESHET_TRY(bool more, upsert.step());
  FRESHET_CHECK(!more);
  return attempts;
}

}  // namespace freshet::catalog
