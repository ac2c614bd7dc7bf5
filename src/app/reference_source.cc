#include "app/reference_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/temporary_file.h"
#include "common/check.h"
#include "common/units.h"
#include "sql/reference_file.h"

namespace freshet::app {
namespace {

constexpr std::string_view kS3Scheme = "s3://";
// A start waits for it where the store is away; a reload is tried again at its next time.
constexpr std::int64_t kDeadlineUs = 5'000'000;
constexpr std::uint64_t kPieceBytes = 1ull << 20;

class FileSource : public ReferenceSource {
 public:
  explicit FileSource(const ReferenceConfig& config) : config_(config) {}
  // Files are small and near: what is in force already is found by its content.
  Result<Table> read() override {
    return load_reference_file(config_.name, config_.from, config_.key);
  }
  void settle() override {}

 private:
  const ReferenceConfig config_;
};

class ObjectSource : public ReferenceSource {
 public:
  ObjectSource(const ReferenceConfig& config, std::unique_ptr<object_store::ObjectStore> store,
               std::string object, std::string folder, std::uint64_t bytes_max)
      : config_(config),
        store_(std::move(store)),
        object_(std::move(object)),
        folder_(std::move(folder)),
        bytes_max_(bytes_max) {}

  Result<Table> read() override {
    FRESHET_TRY(object_store::ObjectInfo info, look());
    if (info.etag == settled_etag_) return Table();
    if (info.bytes > bytes_max_) {
      settled_etag_ = info.etag;
      return Error(Code::kInvalid, 1333,
                   fmt::format("{}: {} is above the limit of {} for one object", config_.from,
                               format_bytes(info.bytes), format_bytes(bytes_max_)));
    }
    std::string ending = std::filesystem::path(object_).extension().string();
    std::string path =
        fmt::format("{}/{}-{:016x}{}", folder_, config_.name, random_.next_u64(), ending);
    FRESHET_TRY(TemporaryFile file, TemporaryFile::make(path));
    FRESHET_TRY_STATUS(fetch(info, file));
    read_etag_ = info.etag;
    auto table = load_reference_file(config_.name, file.path(), config_.key);
    if (table) return table;
    // It will not get better by being read again.
    settle();
    return file.about(table.error(), config_.from);
  }

  void settle() override { settled_etag_ = read_etag_; }

 private:
  Result<object_store::ObjectInfo> look() {
    auto info = store_->head(object_);
    if (info || info.error().code() != Code::kNotFound) return info;
    // An answer to HEAD has no words: whether it is the bucket that is missing, a GET tells.
    auto told = store_->get_range(object_, 0, 1);
    return told ? info : std::move(told).error();
  }

  // Whole, and of one version: neither pieces of two nor a part.
  Status fetch(const object_store::ObjectInfo& info, TemporaryFile& file) {
    for (std::uint64_t at = 0; at < info.bytes;) {
      FRESHET_TRY(std::string piece,
                  store_->get_range(object_, at, std::min(kPieceBytes, info.bytes - at)));
      if (piece.empty()) return changed_meanwhile();
      FRESHET_TRY_STATUS(file.append(piece));
      at += piece.size();
    }
    FRESHET_TRY(object_store::ObjectInfo after, store_->head(object_));
    return after.etag == info.etag && after.bytes == info.bytes ? ok() : changed_meanwhile();
  }

  Status changed_meanwhile() const {
    return Error(
        Code::kUnavailable, 1334,
        fmt::format("{}: the object changed while it was read; it is read again", config_.from));
  }

  const ReferenceConfig config_;
  const std::unique_ptr<object_store::ObjectStore> store_;
  const std::string object_;
  const std::string folder_;
  const std::uint64_t bytes_max_;
  io::Random& random_ = io::system_random();
  std::string read_etag_, settled_etag_;
};

}  // namespace

bool is_s3_url(std::string_view text) {
  return text.starts_with(kS3Scheme);
}

Result<ReferenceSource::Table> load_reference_file(const std::string& name, const std::string& path,
                                                   const std::string& key) {
  FRESHET_TRY(sql::ReferenceFile file, sql::read_reference_file(path, key));
  auto table = pipeline::ReferenceTable::make(name, key, file.schema, *file.rows);
  if (!table) return std::move(table).error().with_context(path);
  return table;
}

std::unique_ptr<ReferenceSource> make_object_source(
    const ReferenceConfig& config, std::unique_ptr<object_store::ObjectStore> store,
    std::string object, std::string folder, std::uint64_t bytes_max) {
  return std::make_unique<ObjectSource>(config, std::move(store), std::move(object),
                                        std::move(folder), bytes_max);
}

Result<std::unique_ptr<ReferenceSource>> open_reference_source(const ReferenceConfig& config,
                                                               const std::string& folder,
                                                               std::function<bool()> is_cancelled) {
  if (!is_s3_url(config.from))
    return std::unique_ptr<ReferenceSource>(std::make_unique<FileSource>(config));
  object_store::Settings settings;
  settings.s3.endpoint_url = config.endpoint;
  settings.s3.region = config.region;
  settings.s3.path_style = config.path_style;
  settings.s3.deadline_us = kDeadlineUs;
  settings.s3.is_cancelled = std::move(is_cancelled);
  std::size_t slash = config.from.find('/', kS3Scheme.size());
  FRESHET_CHECK(slash != std::string::npos);  // the configuration's check
  auto store = object_store::open_object_store(config.from.substr(0, slash), settings);
  if (!store) return std::move(store).error().with_context("reference." + config.name);
  return make_object_source(config, *std::move(store), config.from.substr(slash + 1), folder,
                            sql::kReferenceFileBytesMax);
}

}  // namespace freshet::app
