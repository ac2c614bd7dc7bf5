#include <fmt/format.h>
#include <zstd.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace freshet::catalog {
namespace {

// SQLite's blobs end at 1 GB, and a piece is held in memory twice while it is written.
constexpr std::size_t kPieceBytes = 16u << 20;
constexpr int kCompressionLevel = 3;

using Compressor = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;

Error damaged(std::uint32_t version, std::string_view what) {
  return {Code::kCorruption, kErrorDamaged,
          fmt::format("the catalog's bytes of reference version {} are damaged ({}); put the file "
                      "again with freshet ref put",
                      version, what)};
}

Status insert_pieces(Database& database, std::uint32_t version, std::string_view bytes) {
  Compressor context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (context == nullptr) return Error(Code::kIo, kErrorRefused, "out of memory for zstd");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kCompressionLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  FRESHET_TRY(Statement insert, database.prepare("INSERT INTO reference_pieces VALUES (?, ?, ?)"));
  std::string compressed;
  for (std::size_t at = 0, piece = 0; at < bytes.size(); at += kPieceBytes, ++piece) {
    auto raw = bytes.substr(at, kPieceBytes);
    compressed.resize(ZSTD_compressBound(raw.size()));
    std::size_t size =
        ZSTD_compress2(context.get(), compressed.data(), compressed.size(), raw.data(), raw.size());
    if (ZSTD_isError(size)) return Error(Code::kInternal, 9301, ZSTD_getErrorName(size));
    FRESHET_TRY_STATUS(insert.integer(version)
                           .integer(static_cast<std::int64_t>(piece))
                           .blob(std::string_view(compressed).substr(0, size))
                           .run());
  }
  return ok();
}

// Appends the piece. `left` bytes are still missing, so a frame that claims more is damaged: its
// claim never sizes our memory.
Status append_piece(std::string& to, const std::string& compressed, std::size_t left,
                    std::uint32_t version) {
  auto claimed = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
  if (claimed > kPieceBytes || claimed > left) return damaged(version, "wrong length");
  std::size_t before = to.size();
  to.resize(before + claimed);
  std::size_t size =
      ZSTD_decompress(to.data() + before, claimed, compressed.data(), compressed.size());
  if (ZSTD_isError(size)) return damaged(version, ZSTD_getErrorName(size));
  return size == claimed ? ok() : damaged(version, "short piece");
}

}  // namespace

Result<ReferenceVersion> Catalog::add_reference_version(const ReferenceVersion& version,
                                                        std::string_view bytes) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_TRY(Statement insert,
              database.prepare("INSERT INTO reference_versions (table_name, content_hash, source, "
                               "loaded_us, row_count, byte_count) VALUES (?, ?, ?, ?, ?, ?)"));
  insert.text(version.table).integer(static_cast<std::int64_t>(version.content_hash));
  insert.text(version.source).integer(version.loaded_us);
  insert.integer(static_cast<std::int64_t>(version.rows));
  FRESHET_TRY_STATUS(insert.integer(static_cast<std::int64_t>(bytes.size())).run());
  ReferenceVersion added = version;
  added.version = static_cast<std::uint32_t>(database.last_row_id());
  FRESHET_TRY_STATUS(insert_pieces(database, added.version, bytes));
  FRESHET_TRY_STATUS(transaction.commit());
  return added;
}

Result<std::vector<ReferenceVersion>> Catalog::reference_versions() {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT table_name, version, content_hash, source, "
                                       "loaded_us, row_count FROM reference_versions "
                                       "ORDER BY version"));
  std::vector<ReferenceVersion> rows;
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) return rows;
    rows.push_back({.table = select.text_at(0),
                    .version = static_cast<std::uint32_t>(select.integer_at(1)),
                    .content_hash = static_cast<std::uint64_t>(select.integer_at(2)),
                    .source = select.text_at(3),
                    .loaded_us = select.integer_at(4),
                    .rows = static_cast<std::uint64_t>(select.integer_at(5))});
  }
}

Status Catalog::add_reference_activation(const ReferenceActivation& activation) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement insert,
              state_->database.prepare(
                  "INSERT INTO reference_activations VALUES (?, ?, ?) ON CONFLICT DO NOTHING"));
  return insert.integer(activation.journal)
      .integer(activation.version)
      .integer(static_cast<std::int64_t>(activation.position.value))
      .run();
}

Result<std::vector<ReferenceActivation>> Catalog::reference_activations(std::uint32_t journal) {
  MutexLock lock(state_->mutex);
  FRESHET_TRY(Statement select,
              state_->database.prepare("SELECT version, position FROM reference_activations "
                                       "WHERE journal = ? ORDER BY position"));
  select.integer(journal);
  std::vector<ReferenceActivation> rows;
  for (;;) {
    FRESHET_TRY(bool more, select.step());
    if (!more) return rows;
    rows.push_back({.journal = journal,
                    .version = static_cast<std::uint32_t>(select.integer_at(0)),
                    .position = Position{static_cast<std::uint64_t>(select.integer_at(1))}});
  }
}

Result<std::string> Catalog::reference_bytes(std::uint32_t version) {
  MutexLock lock(state_->mutex);
  Database& database = state_->database;
  FRESHET_TRY(Statement size,
              database.prepare("SELECT byte_count FROM reference_versions WHERE version = ?"));
  FRESHET_TRY(bool found, size.integer(version).step());
  if (!found) {
    return Error(Code::kNotFound, fmt::format("the catalog has no reference version {}", version));
  }
  auto expected = static_cast<std::size_t>(size.integer_at(0));
  FRESHET_TRY(Statement select, database.prepare("SELECT piece, compressed FROM reference_pieces "
                                                 "WHERE version = ? ORDER BY piece"));
  select.integer(version);
  std::string bytes;
  for (std::int64_t piece = 0;; ++piece) {
    FRESHET_TRY(bool more, select.step());
    if (!more) break;
    if (select.integer_at(0) != piece) return damaged(version, "a piece is missing");
    FRESHET_TRY_STATUS(append_piece(bytes, select.text_at(1), expected - bytes.size(), version));
  }
  if (bytes.size() != expected) return damaged(version, "a piece is missing");
  return bytes;
}

}  // namespace freshet::catalog
