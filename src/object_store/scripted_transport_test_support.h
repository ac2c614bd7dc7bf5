// A network that answers as a test has written down. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/clock.h"
#include "object_store/http_transport.h"
#include "object_store/s3_store.h"

namespace freshet::object_store {

struct Script {
  using Reply = std::function<HttpOutcome(const HttpRequest&)>;
  std::deque<Reply> replies;
  Reply otherwise;  // once those are used up
  std::vector<HttpRequest> seen;
  std::vector<std::string> bodies;  // of `seen`
  std::vector<std::int64_t> waits_us;
  io::ManualClock clock{1'800'000'000'000'000};
};

inline HttpOutcome answered(int status, std::string body = "",
                            std::vector<HttpHeader> headers = {}) {
  return {HttpOutcome::Kind::kAnswered, {status, std::move(headers), std::move(body)}, false, ""};
}

inline HttpOutcome refused(int status, const std::string& code, const std::string& message = "m") {
  return answered(status,
                  "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>");
}

inline HttpOutcome failed(HttpOutcome::Kind kind) {
  return {kind, {}, false, "the script said so"};
}

// The value of a header of a request.
inline std::string header_of(const HttpRequest& request, std::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

class ScriptedTransport : public HttpTransport {
 public:
  explicit ScriptedTransport(Script& script) : script_(script) {}
  HttpOutcome send(const HttpRequest& request) override {
    script_.seen.push_back(request);
    script_.bodies.emplace_back(request.body);
    script_.clock.advance_us(1000);
    if (script_.replies.empty()) {
      EXPECT_TRUE(script_.otherwise)
          << "not in the script: " << request.method << " " << request.target;
      return script_.otherwise ? script_.otherwise(request) : answered(400);
    }
    Script::Reply reply = std::move(script_.replies.front());
    script_.replies.pop_front();
    return reply(request);
  }
  void wait_us(std::int64_t us) override {
    script_.waits_us.push_back(us);
    script_.clock.advance_us(us);
  }

 private:
  Script& script_;
};

// A store in bucket "bucket" below "archive/", whose requests the script answers.
class S3StoreTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    Environment environment = [this](const std::string& name) -> std::optional<std::string> {
      auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    Machine machine{io::system_disk(), script_.clock, random_};
    auto address = make_s3_address("s3://bucket/archive", settings_.s3, "eu-central-1", "");
    ASSERT_TRUE(address.has_value()) << address.error().to_string();
    auto client = std::make_unique<S3Client>(*address, settings_.s3, environment, machine,
                                             std::make_unique<ScriptedTransport>(script_));
    store_ = std::make_unique<S3Store>(std::move(client), settings_, machine);
  }
  void reply(HttpOutcome outcome) {
    script_.replies.push_back([outcome](const HttpRequest&) { return outcome; });
  }
  // A HEAD of an object that the request `of` has put.
  void reply_head_of(std::size_t of, std::uint64_t bytes) {
    script_.replies.push_back([this, of, bytes](const HttpRequest& request) {
      EXPECT_EQ(request.method, "HEAD");
      return head_answer(header_of(script_.seen.at(of), "x-amz-meta-freshet-put"), bytes);
    });
  }
  static HttpOutcome head_answer(const std::string& token, std::uint64_t bytes,
                                 const std::string& etag = "e2") {
    return answered(200, "",
                    {{"etag", "\"" + etag + "\""},
                     {"content-length", std::to_string(bytes)},
                     {"last-modified", "Sun, 22 Nov 2026 10:00:00 GMT"},
                     {"x-amz-meta-freshet-put", token}});
  }

  std::map<std::string, std::string> environment_ = {{"AWS_ACCESS_KEY_ID", "AKIDCANARY"},
                                                     {"AWS_SECRET_ACCESS_KEY", "SECRETCANARY"},
                                                     {"AWS_SESSION_TOKEN", "TOKENCANARY"}};
  Settings settings_;
  Script script_;
  io::SeededRandom random_{1};
  std::unique_ptr<ObjectStore> store_;
};

}  // namespace freshet::object_store
