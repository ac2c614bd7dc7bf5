// One request's way back to its client.
#pragma once

#include <string>

#include "aws/document.h"
#include "common/result.h"
#include "http/message.h"
#include "server/gate/door.h"

namespace freshet::kinesis {

// Copies share one request: exactly one of them may answer, once, on any thread.
class Answer {
 public:
  Answer(const gate::AwsRequest& request, std::int64_t retry_after_ms, http::Respond respond);

  aws::Encoding encoding() const { return encoding_; }
  // A null document is an empty body: that is how operations without output answer.
  void succeed(const aws::Document& document) const;
  void succeed_with(std::string body, bool come_again = false) const;  // already encoded
  void fail(const Error& error) const;

 private:
  void add_retry_after(http::Response& response) const;
  aws::Encoding encoding_;
  std::string operation_;
  std::string request_id_;
  std::int64_t retry_after_ms_;
  http::Respond respond_;
};

}  // namespace freshet::kinesis
