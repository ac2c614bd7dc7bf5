// Objects in S3, or in a server that speaks its protocol.
//
// Each put carries a random token and the content's CRC32C in the object's metadata. The token is
// of one call: where an answer was lost, or a condition fails that our own first try may have
// broken, a HEAD tells whether the object that is there is this call's. get checks the CRC32C.
//
// What is needed of the server: read after write, If-None-Match and If-Match on PUT and on
// CompleteMultipartUpload (AWS since 2024), user metadata, ListObjectsV2 with start-after and
// encoding-type. A server that ignores a condition breaks its promise unseen: run the conformance
// suite against it first (FRESHET_TEST_S3_URL).
//
// A process that ends inside of put_file leaves parts: the bucket needs a lifecycle rule with
// AbortIncompleteMultipartUpload.
#pragma once

#include <memory>

#include "object_store/object_store.h"
#include "object_store/s3_client.h"

namespace freshet::object_store {

class S3Store : public ObjectStore {
 public:
  S3Store(std::unique_ptr<S3Client> client, const Settings& settings, Machine machine);
  static Result<std::unique_ptr<ObjectStore>> open(const std::string& url, const Settings& settings,
                                                   Machine machine);

  Result<ObjectInfo> put(const std::string& name, std::span<const std::byte> bytes,
                         const PutCondition& condition) override;
  Result<ObjectInfo> put_file(const std::string& name, const std::string& path,
                              const PutCondition& condition) override;
  Result<std::string> get(const std::string& name) override;
  Result<std::string> get_range(const std::string& name, std::uint64_t offset,
                                std::uint64_t bytes) override;
  Result<ObjectInfo> head(const std::string& name) override;
  Status remove(const std::string& name) override;
  Result<ListPage> list_page(const std::string& prefix, const std::string& after,
                             std::size_t count_max) override;
  const std::string& root_url() const override { return root_url_; }

 private:
  // One call of put or put_file.
  struct Order {
    std::string name;
    std::string url;
    PutCondition condition;
    std::string token;
    std::uint64_t bytes = 0;
    std::uint32_t crc = 0;
  };
  // An object with what its put has said of it.
  struct Seen {
    ObjectInfo info;
    std::string token;  // "" where it was put by another program
  };
  // What is read of the answer of a ranged GET.
  struct Range {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  class Upload;

  Order order_of(const std::string& name, const PutCondition& condition) const;
  static std::vector<HttpHeader> metadata_of(const Order& order);
  static std::vector<HttpHeader> condition_of(const PutCondition& condition);
  Result<ObjectInfo> put_whole(Order order, std::string_view bytes);
  Result<ObjectInfo> put_parts(Order order, io::File& file);
  // What became of a put, or of the completion of an upload.
  Result<ObjectInfo> settle(const Order& order, const S3Exchange& exchange);
  Result<ObjectInfo> settle_by_reading(const Order& order, const S3Exchange& exchange,
                                       bool condition_failed);

  S3Request request(std::string method, const std::string& name) const;
  Result<Seen> look(const std::string& name);
  Error error_of_head(const std::string& name, const S3Exchange& exchange);
  Result<std::string> take_range(const HttpAnswer& answer, const Range& range,
                                 const std::string& url) const;
  Result<S3Listing> list_once(const std::string& prefix, const std::string& after,
                              std::size_t count_max);

  const std::unique_ptr<S3Client> client_;
  const Settings settings_;
  Machine machine_;
  const std::string root_url_;
};

}  // namespace freshet::object_store
