// Puts in one request, and what became of any put.
#include "common/crc32c.h"
#include "object_store/errors.h"
#include "object_store/local_store_files.h"
#include "object_store/object_name.h"
#include "object_store/s3_metadata.h"
#include "object_store/s3_store.h"

namespace freshet::object_store {

S3Store::Order S3Store::order_of(const std::string& name, const PutCondition& condition) const {
  return {name, url_of(name), condition, client_->random_token(), 0, 0};
}

std::vector<HttpHeader> S3Store::metadata_of(const Order& order) {
  return {{kTokenHeader, order.token}, {kCrcHeader, crc_text(order.crc)}};
}

std::vector<HttpHeader> S3Store::condition_of(const PutCondition& condition) {
  switch (condition.kind) {
    case PutCondition::Kind::kAlways:
      return {};
    case PutCondition::Kind::kIfAbsent:
      return {{"if-none-match", "*"}};
    case PutCondition::Kind::kIfMatch:
      return {{"if-match", "\"" + condition.etag + "\""}};
  }
  return {};
}

Result<ObjectInfo> S3Store::put(const std::string& name, std::span<const std::byte> bytes,
                                const PutCondition& condition) {
  FRESHET_TRY_STATUS(check_name(name));
  return put_whole(order_of(name, condition), as_string_view(bytes));
}

Result<ObjectInfo> S3Store::put_file(const std::string& name, const std::string& path,
                                     const PutCondition& condition) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY(auto file, machine_.disk.open(path, io::OpenMode::kRead));
  FRESHET_TRY(std::uint64_t bytes, file->size());
  Order order = order_of(name, condition);
  order.bytes = bytes;
  if (bytes > settings_.s3.multipart_above_bytes) return put_parts(std::move(order), *file);
  FRESHET_TRY(std::string content, read_part(*file, 0, bytes));
  return put_whole(std::move(order), content);
}

Result<ObjectInfo> S3Store::put_whole(Order order, std::string_view bytes) {
  order.bytes = bytes.size();
  order.crc = crc32c(0, as_bytes_of(bytes));
  S3Request asked = request("PUT", order.name);
  asked.headers = metadata_of(order);
  for (HttpHeader& header : condition_of(order.condition)) asked.headers.push_back(header);
  asked.body = bytes;
  asked.on_fresh_connection = order.condition.kind != PutCondition::Kind::kAlways;
  return settle(order, client_->call(asked, order.url));
}

Result<ObjectInfo> S3Store::settle(const Order& order, const S3Exchange& exchange) {
  bool is_missing = order.condition.kind == PutCondition::Kind::kIfMatch &&
                    exchange.has_status(404) && exchange.refusal.code == "NoSuchKey";
  bool condition_failed = exchange.has_status(412) || is_missing;
  std::string etag;
  if (exchange.has_status(200)) {
    const HttpAnswer& answer = *exchange.answer;
    etag = bare_etag(answer.header("etag").value_or(""));
    // The one of an upload's completion is in its body.
    auto in_body = parse_answer(answer.body, "CompleteMultipartUploadResult", "ETag");
    if (etag.empty() && in_body) etag = bare_etag(*in_body);
    auto now_us = parse_http_date_us(answer.header("date").value_or(""));
    if (!etag.empty()) {
      return ObjectInfo{order.name, order.bytes, etag, now_us.value_or(machine_.clock.wall_us())};
    }
  }
  bool is_refused = !exchange.has_status(200) && !condition_failed && !exchange.may_be_done;
  if (is_refused) return client_->error_of(exchange, order.url);
  return settle_by_reading(order, exchange, condition_failed);
}

// A failed condition may be the work of this very call: of a first try whose answer was lost, or
// that something on the way has sent twice.
Result<ObjectInfo> S3Store::settle_by_reading(const Order& order, const S3Exchange& exchange,
                                              bool has_failed_condition) {
  auto seen = look(order.name);
  if (seen && seen->token == order.token) return std::move(seen->info);
  std::string found = !seen ? "no object" : "an object with etag " + seen->info.etag;
  if (has_failed_condition && !exchange.may_be_done) return condition_failed(order.url, found);
  // Another's object: ours was not the first. Under if_match this would not follow: ours may have
  // been put, and replaced since.
  bool is_anothers = seen && (!seen->token.empty() || seen->info.bytes != order.bytes);
  if (order.condition.kind == PutCondition::Kind::kIfAbsent && is_anothers) {
    return condition_failed(order.url, found);
  }
  std::string reason = exchange.has_status(200) || has_failed_condition
                           ? "the answer of a try was lost"
                           : client_->error_of(exchange, order.url).to_string();
  if (!seen && seen.error().number() != kNoObject) {
    reason += "; then reading it: " + seen.error().to_string();
  }
  return outcome_unknown(order.url, reason);
}

}  // namespace freshet::object_store
