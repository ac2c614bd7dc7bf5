// Large files on a scripted network: parts in order, one step at the end, nothing left behind.
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "object_store/scripted_transport_test_support.h"

namespace freshet::object_store {
namespace {

using Kind = HttpOutcome::Kind;

constexpr const char* kBegun =
    "<InitiateMultipartUploadResult><UploadId>u/1+</UploadId></InitiateMultipartUploadResult>";
constexpr const char* kCompleted =
    "<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><ETag>&quot;whole-3&quot;</ETag>"
    "</CompleteMultipartUploadResult>";

class S3Upload : public S3StoreTest {
 protected:
  void SetUp() override {
    settings_.s3.part_bytes = 1 << 20;
    settings_.s3.multipart_above_bytes = 1 << 20;
    open();
    char folder[] = "/tmp/freshet-upload-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    content_ = std::string(1 << 20, 'a') + std::string(1 << 20, 'b') + "c";
    std::ofstream(folder_ + "/file") << content_;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<ObjectInfo> put(const PutCondition& condition = PutCondition::always()) {
    return store_->put_file("x", folder_ + "/file", condition);
  }
  void reply_up_to_completion() {
    reply(answered(200, kBegun));
    for (const char* etag : {"\"1\"", "\"2\"", "\"3\""}) reply(answered(200, "", {{"etag", etag}}));
  }
  std::string requests() const {
    std::string text;
    for (const HttpRequest& each : script_.seen) {
      text += each.method + " " + each.target.substr(each.target.find('x')) + "\n";
    }
    return text;
  }

  std::string folder_;
  std::string content_;
};

const char* const kUpToCompletion =
    "POST x?uploads=\n"
    "PUT x?partNumber=1&uploadId=u%2F1%2B\n"
    "PUT x?partNumber=2&uploadId=u%2F1%2B\n"
    "PUT x?partNumber=3&uploadId=u%2F1%2B\n"
    "POST x?uploadId=u%2F1%2B\n";

TEST_F(S3Upload, SendsThePartsInOrderAndThenCompletes) {
  reply_up_to_completion();
  reply(answered(200, kCompleted));
  auto done = put(PutCondition::if_match("old"));
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  EXPECT_EQ(done->etag, "whole-3");
  EXPECT_EQ(done->bytes, content_.size());
  EXPECT_EQ(requests(), kUpToCompletion);
  EXPECT_TRUE(script_.bodies[1] + script_.bodies[2] + script_.bodies[3] == content_);
  EXPECT_EQ(header_of(script_.seen[0], "x-amz-meta-freshet-put").size(), 32u);
  EXPECT_EQ(header_of(script_.seen[0], "if-match"), "");
  EXPECT_EQ(header_of(script_.seen[4], "if-match"), "\"old\"");
  EXPECT_EQ(script_.bodies[4],
            "<CompleteMultipartUpload>"
            "<Part><PartNumber>1</PartNumber><ETag>&quot;1&quot;</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>&quot;2&quot;</ETag></Part>"
            "<Part><PartNumber>3</PartNumber><ETag>&quot;3&quot;</ETag></Part>"
            "</CompleteMultipartUpload>");
}

TEST_F(S3Upload, WhatIsThereAlreadyIsNotUploaded) {
  reply(head_answer("another", 1));
  EXPECT_EQ(put(PutCondition::if_absent()).error().number(), 3704);
  EXPECT_EQ(script_.seen.size(), 1u);
}

TEST_F(S3Upload, AFailedPartAborts) {
  reply(answered(200, kBegun));
  reply(answered(200, "", {{"etag", "\"1\""}}));
  reply(refused(403, "AccessDenied"));
  reply(answered(204));
  EXPECT_EQ(put().error().number(), 3706);
  EXPECT_EQ(script_.seen.back().method, "DELETE");
  EXPECT_TRUE(script_.seen.back().target.ends_with("?uploadId=u%2F1%2B"));
}

TEST_F(S3Upload, ALostPartIsSentAgain) {
  reply(answered(200, kBegun));
  reply(failed(Kind::kNoAnswer));
  for (const char* etag : {"\"1\"", "\"2\"", "\"3\""}) reply(answered(200, "", {{"etag", etag}}));
  reply(answered(200, kCompleted));
  EXPECT_TRUE(put().has_value());
}

TEST_F(S3Upload, ACompletionWhoseAnswerWasLostIsFoundByItsToken) {
  reply_up_to_completion();
  reply(failed(Kind::kNoAnswer));
  reply(refused(404, "NoSuchUpload"));  // it is completed
  reply_head_of(0, content_.size());
  EXPECT_TRUE(put().has_value());
  EXPECT_EQ(script_.seen.back().method, "HEAD");
}

TEST_F(S3Upload, AnErrorInsideOf200IsTriedAgain) {
  reply_up_to_completion();
  reply(refused(200, "InternalError"));
  reply(answered(200, kCompleted));
  EXPECT_TRUE(put().has_value());
}

TEST_F(S3Upload, LosingTheRaceAtTheEndAborts) {
  reply(answered(404));  // the look ahead
  reply_up_to_completion();
  reply(refused(412, "PreconditionFailed"));
  reply(head_answer("another", 1));
  reply(answered(204));
  EXPECT_EQ(put(PutCondition::if_absent()).error().number(), 3704);
  EXPECT_EQ(header_of(script_.seen[5], "if-none-match"), "*");
  EXPECT_EQ(script_.seen.back().method, "DELETE");
}

TEST_F(S3Upload, ARivalAtTheSameTimeIsForTheCallerToTryAgain) {
  reply_up_to_completion();
  reply(refused(409, "ConditionalRequestConflict"));
  reply(answered(204));
  auto done = put(PutCondition::if_match("old"));
  EXPECT_EQ(done.error().number(), 3707) << done.error().to_string();
}

}  // namespace
}  // namespace freshet::object_store
