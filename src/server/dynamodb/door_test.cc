// What clients of the door see: describing, single reads, refusals.
#include "server/dynamodb/door.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <zlib.h>

#include "server/dynamodb/door_test_fixture.h"

namespace freshet::dynamodb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kTenOClock = 1'795'341'600'000'000;  // 2026-11-22T10:00:00Z

std::string key(std::uint64_t id) {
  return fmt::format(R"({{"detection_id":{{"S":"{}"}}}})", test_id(id));
}

std::string get(std::uint64_t id, const std::string& more = "") {
  return fmt::format(R"({{"TableName":"detections","Key":{}{}}})", key(id), more);
}

using DynamoDbDoorTest = DoorTest;

TEST_F(DynamoDbDoorTest, GetItemGivesEachColumnAsItsAttributeType) {
  tables_.append({{.id = 7,
                   .camera = "c\"1\"",
                   .time_us = kTenOClock + 33'000,
                   .confidence = 0.87,
                   .item = "käfer",
                   .box = Box{0, 65'535, 13'107, 1},
                   .raw = std::string("\x01\x02\x03"),
                   .attributes = R"({"colour":"red"})"}});
  TestAnswer answer = ask("GetItem", get(7));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text_at("Item.detection_id.S"), test_id(7));
  EXPECT_EQ(answer.text_at("Item.camera_id.S"), "c\"1\"");
  EXPECT_EQ(answer.text_at("Item.item_name.S"), "käfer");
  EXPECT_EQ(answer.text_at("Item.confidence.N"), "0.87");
  EXPECT_EQ(answer.text_at("Item.event_time.S"), "2026-11-22T10:00:00.033000Z");
  EXPECT_EQ(answer.text_at("Item.bbox.M.x.N"), "0");
  EXPECT_EQ(answer.text_at("Item.bbox.M.y.N"), "1");
  EXPECT_EQ(answer.text_at("Item.bbox.M.w.N"), "0.2");
  EXPECT_EQ(answer.text_at("Item.raw.B"), "AQID");
  EXPECT_EQ(answer.text_at("Item.attributes.S"), R"({"colour":"red"})");
  EXPECT_EQ(answer.text_at("Item.position.N"), "0");
  ASSERT_NE(answer.at("Item.late.BOOL"), nullptr);
  EXPECT_EQ(answer.at("Item.late.BOOL")->boolean(), false);
  EXPECT_EQ(answer.at("Item.location_id"), nullptr);  // nulls are left out
  EXPECT_EQ(answer.at("Item.id_text"), nullptr);
}

TEST_F(DynamoDbDoorTest, EveryAnswerCarriesTheCrcOfItsBody) {
  tables_.append({{.id = 1}});
  for (const TestAnswer& answer : {ask("GetItem", get(1)), ask("GetItem", "{}"), ask("No", "{}")}) {
    auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(answer.text.data()),
                       static_cast<uInt>(answer.text.size()));
    EXPECT_EQ(answer.headers.at("x-amz-crc32"), std::to_string(crc));
  }
}

TEST_F(DynamoDbDoorTest, AMissingItemIsAnEmptyAnswer) {
  EXPECT_EQ(ask("GetItem", get(1)).text, "{}");
}

TEST_F(DynamoDbDoorTest, AnIdThatIsNoUuidIsReadAndShownAsTheClientWroteIt) {
  tables_.append({{.id = 99, .id_text = "frame-17/3"}});
  TestAnswer answer =
      ask("GetItem", R"({"TableName":"detections","Key":{"detection_id":{"S":"frame-17/3"}}})");
  EXPECT_EQ(answer.text_at("Item.detection_id.S"), "frame-17/3");
}

TEST_F(DynamoDbDoorTest, ProjectionPicksAttributesAndPartsOfThem) {
  tables_.append({{.id = 1, .confidence = 0.5, .box = Box{0, 0, 65'535, 65'535}}});
  TestAnswer answer =
      ask("GetItem", get(1, R"(,"ProjectionExpression":"#b.w, bbox.h, camera_id, nope",
      "ExpressionAttributeNames":{"#b":"bbox"})"));
  EXPECT_EQ(answer.text,
            R"({"Item":{"camera_id":{"S":"c1"},"bbox":{"M":{"w":{"N":"1"},"h":{"N":"1"}}}}})");
  answer = ask("GetItem", get(1, R"(,"AttributesToGet":["confidence"])"));
  EXPECT_EQ(answer.text, R"({"Item":{"confidence":{"N":"0.5"}}})");
}

TEST_F(DynamoDbDoorTest, GetItemSaysWhatIsWrongWithTheRequest) {
  tables_.append({{.id = 1}});
  auto error = [&](const std::string& json) { return ask("GetItem", json).error(); };
  EXPECT_THAT(error("{}"),
              StartsWith("ValidationException: 1 validation error detected: Value null "
                         "at 'tableName' failed to satisfy constraint"));
  EXPECT_THAT(error(R"({"TableName":7})"), StartsWith("SerializationException: "));
  EXPECT_THAT(error("{"), StartsWith("SerializationException: "));
  EXPECT_THAT(error("[]"), StartsWith("SerializationException: "));
  EXPECT_THAT(error(R"({"TableName":"x"})"), HasSubstr("at least 3 characters"));
  EXPECT_THAT(error(R"({"TableName":"detections$dead","Key":{}})"),
              HasSubstr("satisfy regular expression pattern: [a-zA-Z0-9_.-]+"));
  EXPECT_EQ(error(fmt::format(R"({{"TableName":"other","Key":{}}})", key(1))),
            "ResourceNotFoundException: Requested resource not found");
  EXPECT_EQ(error(R"({"TableName":"detections","Key":{"camera_id":{"S":"c1"}}})"),
            "ValidationException: The provided key element does not match the schema");
  EXPECT_EQ(error(R"({"TableName":"detections","Key":{"detection_id":{"N":"1"}}})"),
            "ValidationException: The provided key element does not match the schema");
  EXPECT_EQ(error(R"({"TableName":"detections","Key":{"detection_id":{"S":""}}})"),
            "ValidationException: One or more parameter values are not valid. The AttributeValue "
            "for a key attribute cannot contain an empty string value. Key: detection_id");
  EXPECT_THAT(error(R"({"TableName":"detections","Key":{"detection_id":{"S":")" +
                    std::string(2049, 'x') + R"("}}})"),
              HasSubstr("Size of hashkey has exceeded"));
  EXPECT_EQ(error(get(1, R"(,"ExpressionAttributeNames":{"#a":"b"})")),
            "ValidationException: ExpressionAttributeNames can only be specified when using "
            "expressions");
  EXPECT_EQ(error(get(1, R"(,"ProjectionExpression":"a","ExpressionAttributeNames":{"#a":"b"})")),
            "ValidationException: Value provided in ExpressionAttributeNames unused in "
            "expressions: keys: {#a}");
  EXPECT_THAT(error(get(1, R"(,"ProjectionExpression":"a","AttributesToGet":["a"])")),
              HasSubstr("Can not use both expression and non-expression parameters"));
  EXPECT_THAT(error(get(1, R"(,"ReturnConsumedCapacity":"SOME")")),
              HasSubstr("satisfy enum value set: [INDEXES, TOTAL, NONE]"));
}

TEST_F(DynamoDbDoorTest, ErrorTypesCarryTheServicesPrefixes) {
  EXPECT_THAT(ask("GetItem", "{}").text_at("__type"), StartsWith("com.amazon.coral.validate#"));
  EXPECT_THAT(
      ask("GetItem", fmt::format(R"({{"TableName":"other","Key":{}}})", key(1))).text_at("__type"),
      StartsWith("com.amazonaws.dynamodb.v20120810#"));
}

TEST_F(DynamoDbDoorTest, CapacityIsHalfAUnitPerFourKilobytes) {
  tables_.append({{.id = 1}, {.id = 2, .attributes = std::string(5000, 'x')}});
  auto units = [&](const std::string& json) {
    return ask("GetItem", json).at("ConsumedCapacity.CapacityUnits")->number();
  };
  EXPECT_EQ(units(get(1, R"(,"ReturnConsumedCapacity":"TOTAL")")), 0.5);
  EXPECT_EQ(units(get(1, R"(,"ReturnConsumedCapacity":"TOTAL","ConsistentRead":true)")), 1.0);
  EXPECT_EQ(units(get(2, R"(,"ReturnConsumedCapacity":"INDEXES","ConsistentRead":true)")), 2.0);
  EXPECT_EQ(units(get(3, R"(,"ReturnConsumedCapacity":"TOTAL")")), 0.5);
  EXPECT_EQ(ask("GetItem", get(1)).at("ConsumedCapacity"), nullptr);
}

TEST_F(DynamoDbDoorTest, ATableMayBeNamedByItsArn) {
  tables_.append({{.id = 1}});
  EXPECT_NE(
      ask("GetItem",
          fmt::format(
              R"({{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/detections","Key":{}}})",
              key(1)))
          .at("Item"),
      nullptr);
}

TEST_F(DynamoDbDoorTest, DescribeTableShowsKeyAndIndexes) {
  tables_.append({{.id = 1}, {.id = 2}});
  TestAnswer answer = ask("DescribeTable", R"({"TableName":"detections"})");
  EXPECT_EQ(answer.text_at("Table.TableStatus"), "ACTIVE");
  EXPECT_EQ(answer.text_at("Table.KeySchema.0.AttributeName"), "detection_id");
  EXPECT_EQ(answer.text_at("Table.GlobalSecondaryIndexes.0.IndexName"), "by_camera");
  EXPECT_EQ(answer.text_at("Table.GlobalSecondaryIndexes.1.IndexName"), "by_location");
  EXPECT_EQ(answer.text_at("Table.GlobalSecondaryIndexes.0.KeySchema.1.AttributeName"),
            "event_time");
  EXPECT_EQ(answer.text_at("Table.TableArn"),
            "arn:aws:dynamodb:us-east-1:000000000000:table/detections");
  EXPECT_EQ(answer.at("Table.ItemCount")->integer(), 2);
  EXPECT_EQ(answer.at("Table.CreationDateTime")->number(), 1'700'000'000.0);
  EXPECT_EQ(answer.at("Table.AttributeDefinitions")->items()->size(), 4u);
  EXPECT_EQ(ask("DescribeTable", R"({"TableName":"other"})").error(),
            "ResourceNotFoundException: Requested resource not found: Table: other not found");
}

TEST_F(DynamoDbDoorTest, ListTablesNamesTablesThatHaveAKey) {
  EXPECT_EQ(ask("ListTables", "{}").text, R"({"TableNames":["detections"]})");
  EXPECT_EQ(ask("ListTables", R"({"ExclusiveStartTableName":"detections"})").text,
            R"({"TableNames":[]})");
  EXPECT_THAT(ask("ListTables", R"({"Limit":0})").error(),
              HasSubstr("Value '0' at 'limit' failed to satisfy constraint: Member must have value "
                        "greater than or equal to 1"));
}

TEST_F(DynamoDbDoorTest, AWriteIsRefusedAndNamesTheStream) {
  for (const char* body :
       {R"({"TableName":"detections","Item":{}})", R"({"RequestItems":{"detections":[]}})",
        R"({"TransactItems":[{"Put":{"TableName":"detections"}}]})"}) {
    TestAnswer answer = ask("PutItem", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.error(), StartsWith("AccessDeniedException: Table detections is read only"));
    EXPECT_THAT(answer.error(), HasSubstr("stream camera-events"));
  }
  EXPECT_THAT(ask("CreateTable", R"({"TableName":"new"})").error(),
              StartsWith("AccessDeniedException: Tables cannot be created here"));
  EXPECT_THAT(ask("DeleteItem", R"({"TableName":"other"})").error(),
              StartsWith("ResourceNotFoundException"));
}

TEST_F(DynamoDbDoorTest, AnUnknownOperationIsNamed) {
  EXPECT_THAT(ask("ExecuteStatement", "{}").error(),
              StartsWith("UnknownOperationException: ExecuteStatement"));
}

TEST_F(DynamoDbDoorTest, OnlyWhatARuleAllowsIsDone) {
  tables_.append({{.id = 1}});
  principal_ = gate::TestPrincipal::allowing({{"dynamodb:GetItem", "table/detections"}});
  EXPECT_EQ(ask("GetItem", get(1)).error(), "");
  EXPECT_THAT(ask("Scan", R"({"TableName":"detections"})").error(),
              HasSubstr("AccessDeniedException: User: arn:aws:iam::000000000000:user/tester is not "
                        "authorized to perform: dynamodb:Scan on resource: "
                        "arn:aws:dynamodb:us-east-1:000000000000:table/detections"));
  EXPECT_THAT(ask("GetItem", fmt::format(R"({{"TableName":"other","Key":{}}})", key(1))).error(),
              StartsWith("AccessDeniedException"));
  EXPECT_THAT(ask("ListTables", "{}").error(), StartsWith("AccessDeniedException"));
  EXPECT_THAT(ask("PutItem", R"({"TableName":"detections"})").error(),
              HasSubstr("not authorized to perform: dynamodb:PutItem"));
  EXPECT_THAT(ask("BatchGetItem",
                  fmt::format(R"({{"RequestItems":{{"detections":{{"Keys":[{}]}}}}}})", key(1)))
                  .error(),
              StartsWith("AccessDeniedException"));
  principal_ = gate::TestPrincipal::allowing({{"dynamodb:ListTables", "table/detections"}});
  EXPECT_EQ(ask("ListTables", "{}").text, R"({"TableNames":["detections"]})");
}

TEST_F(DynamoDbDoorTest, BatchGetItemAnswersWhatIsThere) {
  tables_.append({{.id = 1, .camera = "a"}, {.id = 2, .camera = "b"}});
  TestAnswer answer = ask(
      "BatchGetItem",
      fmt::format(
          R"({{"RequestItems":{{"detections":{{"Keys":[{},{},{}],"ProjectionExpression":"camera_id"}}}},
          "ReturnConsumedCapacity":"TOTAL"}})",
          key(2), key(3), key(1)));
  EXPECT_EQ(
      answer.text,
      R"({"Responses":{"detections":[{"camera_id":{"S":"b"}},{"camera_id":{"S":"a"}}]},)"
      R"("UnprocessedKeys":{},"ConsumedCapacity":[{"TableName":"detections","CapacityUnits":1.5}]})");
}

TEST_F(DynamoDbDoorTest, BatchGetItemReturnsWhatPassesSixteenMegabytesAsUnprocessed) {
  std::vector<TestRow> rows;
  std::string keys;
  for (std::uint64_t id = 0; id < 40; ++id) {
    rows.push_back({.id = id, .attributes = std::string(1 << 20, 'x')});
    keys += (id ? "," : "") + key(id);
  }
  tables_.append(rows);
  TestAnswer answer = ask(
      "BatchGetItem",
      fmt::format(R"({{"RequestItems":{{"detections":{{"ConsistentRead":true,"Keys":[{}]}}}}}})",
                  keys));
  EXPECT_EQ(answer.at("Responses.detections")->items()->size(), 15u);
  EXPECT_EQ(answer.at("UnprocessedKeys.detections.Keys")->items()->size(), 25u);
  EXPECT_EQ(answer.text_at("UnprocessedKeys.detections.Keys.0.detection_id.S"), test_id(15));
  EXPECT_EQ(answer.at("UnprocessedKeys.detections.ConsistentRead")->boolean(), true);
}

TEST_F(DynamoDbDoorTest, BatchGetItemKeepsItsLimits) {
  std::string keys = key(0);
  for (std::uint64_t id = 1; id < 101; ++id) keys += "," + key(id);
  auto error = [&](const std::string& items) {
    return ask("BatchGetItem", R"({"RequestItems":)" + items + "}").error();
  };
  EXPECT_EQ(error(R"({"detections":{"Keys":[)" + keys + "]}}"),
            "ValidationException: Too many items requested for the BatchGetItem call");
  EXPECT_EQ(error(R"({"detections":{"Keys":[)" + key(1) + "," + key(1) + "]}}"),
            "ValidationException: Provided list of item keys contains duplicates");
  EXPECT_THAT(error("{}"), HasSubstr("length greater than or equal to 1"));
  EXPECT_THAT(error(R"({"detections":{"Keys":[]}})"),
              HasSubstr("length greater than or equal to 1"));
  EXPECT_THAT(error(R"({"other":{"Keys":[)" + key(1) + "]}}"),
              StartsWith("ResourceNotFoundException"));
  EXPECT_THAT(error("7"), StartsWith("SerializationException"));
}

class FullExecutor : public io::Executor {
 public:
  bool post(std::function<void()>) override { return false; }
};

TEST_F(DynamoDbDoorTest, ALongReadIsThrottledWhereTheWorkersAreFullAndAShortOneIsNot) {
  tables_.append({{.id = 1}});
  FullExecutor full;
  DynamoDbDoor door({}, tables_, full);
  auto status = [&](const char* operation, std::string body) {
    gate::AwsRequest request;
    request.operation = operation;
    request.body = std::move(body);
    http::Response to;
    door.handle(principal_, std::move(request), [&](http::Response response) { to = response; });
    return to;
  };
  EXPECT_EQ(status("GetItem", get(1)).status, 200);
  http::Response throttled = status("Scan", R"({"TableName":"detections"})");
  EXPECT_EQ(throttled.status, 400);
  EXPECT_THAT(throttled.body, HasSubstr("ProvisionedThroughputExceededException"));
  EXPECT_EQ(throttled.headers.back().name, "x-amz-retry-after");
}

}  // namespace
}  // namespace freshet::dynamodb
