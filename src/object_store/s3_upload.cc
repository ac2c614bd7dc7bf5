// Puts of large files: in parts, one after the other, that become the object in one step.
#include <algorithm>

#include "common/crc32c.h"
#include "common/logging.h"
#include "object_store/errors.h"
#include "object_store/local_store_files.h"
#include "object_store/s3_metadata.h"
#include "object_store/s3_store.h"

namespace freshet::object_store {
namespace {

constexpr std::uint64_t kPartsMax = 10'000;  // S3's own limit
constexpr std::uint64_t kMegabyte = 1 << 20;

}  // namespace

// An upload that has been begun and is aborted where it was not completed: its parts cost money
// until then. What a crash leaves is for a lifecycle rule of the bucket.
class S3Store::Upload {
 public:
  Upload(S3Store& store, const Order& order) : store_(store), order_(order) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload() {
    if (!id_.empty()) abort();
  }

  Status begin();
  Status put_part(std::string_view bytes);
  Result<ObjectInfo> complete();

 private:
  void abort();
  std::string id_query() const { return "uploadId=" + percent_encoded(id_); }

  S3Store& store_;
  const Order& order_;
  std::string id_;
  std::vector<std::string> etags_;
};

Status S3Store::Upload::begin() {
  S3Request asked = store_.request("POST", order_.name);
  asked.query = "uploads=";
  asked.headers = metadata_of(order_);
  S3Exchange exchange = store_.client_->call(asked, order_.url);
  if (!exchange.has_status(200)) return store_.client_->error_of(exchange, order_.url);
  FRESHET_TRY(id_,
              parse_answer(exchange.answer->body, "InitiateMultipartUploadResult", "UploadId"));
  return ok();
}

Status S3Store::Upload::put_part(std::string_view bytes) {
  S3Request asked = store_.request("PUT", order_.name);
  asked.query = "partNumber=" + std::to_string(etags_.size() + 1) + "&" + id_query();
  asked.body = bytes;
  S3Exchange exchange = store_.client_->call(asked, order_.url);
  if (!exchange.has_status(200)) return store_.client_->error_of(exchange, order_.url);
  std::string etag = bare_etag(exchange.answer->header("etag").value_or(""));
  if (etag.empty()) {
    return Error(Code::kCorruption, kDamaged, order_.url + ": a part was answered without an etag");
  }
  etags_.push_back(std::move(etag));
  return ok();
}

Result<ObjectInfo> S3Store::Upload::complete() {
  std::string body = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags_.size(); ++i) {
    body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>&quot;" + etags_[i] +
            "&quot;</ETag></Part>";
  }
  body += "</CompleteMultipartUpload>";
  S3Request asked = store_.request("POST", order_.name);
  asked.query = id_query();
  asked.headers = condition_of(order_.condition);
  asked.body = body;
  asked.on_fresh_connection = true;
  S3Exchange exchange = store_.client_->call(asked, order_.url);
  // A second try finds no upload where the first one has completed it.
  auto done = store_.settle(order_, exchange);
  if (done) id_.clear();
  return done;
}

void S3Store::Upload::abort() {
  S3Request asked = store_.request("DELETE", order_.name);
  asked.query = id_query();
  S3Exchange exchange = store_.client_->call(asked, order_.url);
  if (exchange.has_status(204) || exchange.has_status(200) || exchange.has_status(404)) return;
  log_warning("parts of an upload stay in the bucket until a lifecycle rule removes them",
              {{"object", order_.url},
               {"reason", store_.client_->error_of(exchange, order_.url).to_string()}});
}

Result<ObjectInfo> S3Store::put_parts(Order order, io::File& file) {
  // Better known now than after gigabytes; decided again when the upload is completed.
  if (order.condition.kind == PutCondition::Kind::kIfAbsent) {
    auto seen = look(order.name);
    if (seen) return condition_failed(order.url, "an object of that name");
    if (seen.error().number() != kNoObject) return std::move(seen).error();
  }
  FRESHET_TRY_STATUS(read_pieces(file, [&](std::span<const std::byte> piece) {
    order.crc = crc32c(order.crc, piece);
    return ok();
  }));
  std::uint64_t part_bytes =
      std::max(settings_.s3.part_bytes, round_up(order.bytes / kPartsMax + 1, kMegabyte));
  Upload upload(*this, order);
  FRESHET_TRY_STATUS(upload.begin());
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < order.bytes; at += part_bytes) {
    FRESHET_TRY(std::string part, read_part(file, at, std::min(part_bytes, order.bytes - at)));
    crc = crc32c(crc, as_bytes_of(part));
    FRESHET_TRY_STATUS(upload.put_part(part));
  }
  if (crc != order.crc) {
    return Error(Code::kCorruption, kDamaged,
                 order.url + " was not put: its file changed while it was read; put it again");
  }
  return upload.complete();
}

}  // namespace freshet::object_store
