// A door over streams in memory, asked in JSON or in CBOR. For this folder's tests alone.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "aws/document.h"
#include "io/clock.h"
#include "io/executor.h"
#include "server/kinesis/door.h"
#include "server/kinesis/memory_streams_test_support.h"
#include "server/kinesis/principal_test_support.h"

namespace freshet::kinesis {

using aws::Document;

inline constexpr std::int64_t kTestStartUs = 1'700'000'000'000'000;

// What came back: the answer's status and body, and for errors their name and message.
struct Reply {
  int status = 0;
  Document body;
  std::string raw;
  std::vector<http::Header> headers;

  std::string error() const { return text("__type"); }
  std::string message() const { return text("message"); }
  std::string text(std::string_view name) const {
    const Document* found = body.find(name);
    return found != nullptr && found->text() != nullptr ? *found->text() : "";
  }
  std::string header(std::string_view name) const {
    for (const http::Header& each : headers) {
      if (each.name == name) return each.value;
    }
    return "";
  }
};

// The member at a path of names and list indices: at(reply.body, "Records", 0, "ShardId").
class Step {
 public:
  Step(const char* name) : name_(name) {}  // NOLINT: implicit by design
  Step(int index) : index_(index) {}       // NOLINT: implicit by design
  const Document& from(const Document& document) const {
    static const Document kMissing;
    if (name_ != nullptr) {
      const Document* found = document.find(name_);
      return found == nullptr ? kMissing : *found;
    }
    const Document::List* items = document.items();
    auto index = static_cast<std::size_t>(index_);
    return items == nullptr || index >= items->size() ? kMissing : (*items)[index];
  }

 private:
  const char* name_ = nullptr;
  int index_ = 0;
};
template <typename... Steps>
const Document& at(const Document& document, Steps... steps) {
  const Document* here = &document;
  ((here = &Step(steps).from(*here)), ...);
  return *here;
}
inline std::string text_of(const Document& document) {
  return document.text() != nullptr ? *document.text() : "";
}
inline std::size_t size_of(const Document& document) {
  return document.items() != nullptr ? document.items()->size() : 0;
}

class DoorFixture {
 public:
  explicit DoorFixture(aws::Encoding encoding = aws::Encoding::kJson) : encoding_(encoding) {
    DoorConfig config;
    config.secret.fill(std::byte{7});
    rebuild(config);
  }
  void rebuild(const DoorConfig& config) {
    door_ = KinesisDoor(streams, workers, clock, config).door();
  }

  Reply call(std::string_view operation, const Document& request) {
    return call_as(everything_allowed(), operation, request);
  }
  Reply call_as(const gate::Principal& principal, std::string_view operation,
                const Document& request) {
    return send(principal, operation, aws::write(request, encoding_));
  }
  Reply send_text(std::string_view operation, std::string body) {
    return send(everything_allowed(), operation, std::move(body));
  }

  // For requests whose answer comes later.
  void start(std::string_view operation, const Document& request, std::optional<Reply>& reply) {
    door_.handle(everything_allowed(), request_of(operation, aws::write(request, encoding_)),
                 [this, &reply](http::Response response) { reply = read(std::move(response)); });
  }

  io::ManualClock clock{kTestStartUs};
  io::InlineExecutor workers;
  MemoryStreams streams{clock};

  // Streams and records, as tests need them.
  void create(std::string_view name, int shards = 1) {
    Reply reply =
        call("CreateStream", Document::map().set("StreamName", name).set("ShardCount", shards));
    ASSERT_EQ(reply.status, 200) << reply.message();
  }
  // The sequence number given.
  std::string put(std::string_view stream, std::string_view key, std::string_view data) {
    Document request = Document::map();
    request.set("StreamName", stream).set("PartitionKey", key);
    request.set("Data", Document::blob(std::string(data)));
    Reply reply = call("PutRecord", request);
    EXPECT_EQ(reply.status, 200) << reply.message();
    return reply.text("SequenceNumber");
  }
  std::string iterator(std::string_view stream, std::string_view shard, std::string_view type,
                       std::string_view number = "") {
    Document request = Document::map();
    request.set("StreamName", stream).set("ShardId", shard).set("ShardIteratorType", type);
    if (!number.empty()) request.set("StartingSequenceNumber", number);
    Reply reply = call("GetShardIterator", request);
    EXPECT_EQ(reply.status, 200) << reply.message();
    return reply.text("ShardIterator");
  }
  Reply get(std::string_view shard_iterator, int limit = 10'000) {
    return call("GetRecords",
                Document::map().set("ShardIterator", shard_iterator).set("Limit", limit));
  }
  static std::vector<std::string> data_of(const Reply& reply) {
    std::vector<std::string> data;
    for (const Document& record : *at(reply.body, "Records").items()) {
      data.push_back(*at(record, "Data").blob_bytes());
    }
    return data;
  }

 private:
  gate::AwsRequest request_of(std::string_view operation, std::string body) {
    gate::AwsRequest request;
    request.operation = operation;
    request.encoding = encoding_;
    request.body = std::move(body);
    request.region = "us-east-1";
    request.request_id = "request-1";
    return request;
  }
  Reply read(http::Response response) {
    Reply reply;
    reply.status = response.status;
    reply.raw = response.body;
    reply.headers = std::move(response.headers);
    if (!response.body.empty()) {
      Result<Document> parsed = aws::parse(response.body, encoding_);
      EXPECT_TRUE(parsed.has_value()) << response.body;
      if (parsed) reply.body = *std::move(parsed);
    }
    return reply;
  }
  Reply send(const gate::Principal& principal, std::string_view operation, std::string body) {
    Reply reply;
    int answers = 0;
    door_.handle(principal, request_of(operation, std::move(body)), [&](http::Response response) {
      ++answers;
      reply = read(std::move(response));
    });
    EXPECT_EQ(answers, 1) << "every request is answered once";
    return reply;
  }

  aws::Encoding encoding_;
  gate::Door door_;
};

// Each test runs once in JSON and once in CBOR.
class DoorTest : public ::testing::TestWithParam<aws::Encoding>, public DoorFixture {
 protected:
  DoorTest() : DoorFixture(GetParam()) {}
};
#define FRESHET_BOTH_ENCODINGS(suite)                                         \
  INSTANTIATE_TEST_SUITE_P(                                                   \
      , suite, ::testing::Values(aws::Encoding::kJson, aws::Encoding::kCbor), \
      [](const auto& test) { return test.param == aws::Encoding::kJson ? "Json" : "Cbor"; })

}  // namespace freshet::kinesis
