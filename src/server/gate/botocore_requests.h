// Requests as botocore 1.44.5 signed them, its clock held at 2026-11-22T10:00:00Z, for the key
// AKIDEXAMPLE of AWS's documentation: a signer that is not ours.
#pragma once

#include <string>
#include <vector>

#include "http/message.h"

namespace freshet::gate {

inline std::vector<http::Request> botocore_requests() {
  std::vector<http::Request> requests;
  {
    http::Request request;
    request.method = "POST";
    request.target = "/";
    request.headers = {
        {"host", "127.0.0.1:4566"},
        {"x-amz-target", R"(Kinesis_20131202.PutRecords)"},
        {"content-type", R"(application/x-amz-json-1.1)"},
        {"user-agent", R"(Botocore/1.44.5)"},
        {"x-amz-date", R"(20261122T100000Z)"},
        {"authorization",
         R"(AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=a849b4ac9de12e9a574be0a8d08e930af6bd5cb62583b9d90b1b2bcbccf847e5)"},
        {"amz-sdk-invocation-id", R"(95da1d20-4b4e-43c2-bb8d-5e7c5e882b3b)"},
        {"amz-sdk-request", R"(attempt=1; max=3)"},
        {"content-length", R"(156)"},
    };
    request.body =
        R"({"StreamName": "detections", "Records": [{"Data": "eyJkZXRlY3Rpb25faWQiOiJhIn0=", "PartitionKey": "cam-1"}, {"Data": "AP8=", "PartitionKey": "k\u00fcche"}]})";
    requests.push_back(request);
  }
  {
    http::Request request;
    request.method = "POST";
    request.target = "/";
    request.headers = {
        {"host", "127.0.0.1:4566"},
        {"x-amz-target", R"(Kinesis_20131202.ListStreams)"},
        {"content-type", R"(application/x-amz-json-1.1)"},
        {"user-agent", R"(Botocore/1.44.5)"},
        {"x-amz-date", R"(20261122T100000Z)"},
        {"authorization",
         R"(AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=6e87908e5fb4f623828471b3cef0d2d00f2cd72444d8658305cee8a0de9bbdc2)"},
        {"amz-sdk-invocation-id", R"(a02f396f-dd08-4112-bf24-8a6aa385ca81)"},
        {"amz-sdk-request", R"(attempt=1; max=3)"},
        {"content-length", R"(2)"},
    };
    request.body = R"({})";
    requests.push_back(request);
  }
  {
    http::Request request;
    request.method = "POST";
    request.target = "/";
    request.headers = {
        {"host", "127.0.0.1:4566"},
        {"x-amz-target", R"(DynamoDB_20120810.GetItem)"},
        {"content-type", R"(application/x-amz-json-1.0)"},
        {"user-agent", R"(Botocore/1.44.5)"},
        {"x-amz-date", R"(20261122T100000Z)"},
        {"authorization",
         R"(AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=4bcd77fba3d7a1c5ac0ac1f4419293515090391efb7e43e296423149a78219fd)"},
        {"amz-sdk-invocation-id", R"(3809fd7e-0b1c-4af8-9471-a6f15daf5c36)"},
        {"amz-sdk-request", R"(attempt=1; max=4)"},
        {"content-length", R"(80)"},
    };
    request.body =
        R"({"TableName": "detections", "Key": {"detection_id": {"S": "\u00e9 \"quoted\""}}})";
    requests.push_back(request);
  }
  {
    http::Request request;
    request.method = "POST";
    request.target = "/";
    request.headers = {
        {"host", "127.0.0.1:4566"},
        {"x-amz-target", R"(DynamoDB_20120810.Query)"},
        {"content-type", R"(application/x-amz-json-1.0)"},
        {"user-agent", R"(Botocore/1.44.5)"},
        {"x-amz-date", R"(20261122T100000Z)"},
        {"authorization",
         R"(AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=7c492cf41fc8e6631181d32ba2d0bf537d079a4b72e0b8eb2b03e2501ad5fb8c)"},
        {"amz-sdk-invocation-id", R"(eeef3671-a2ba-4d3d-8558-ddf176731a4f)"},
        {"amz-sdk-request", R"(attempt=1; max=4)"},
        {"content-length", R"(124)"},
    };
    request.body =
        R"({"TableName": "detections", "KeyConditionExpression": "camera_id = :c", "ExpressionAttributeValues": {":c": {"S": "cam-1"}}})";
    requests.push_back(request);
  }
  return requests;
}

}  // namespace freshet::gate
