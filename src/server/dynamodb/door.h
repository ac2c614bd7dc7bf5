// The DynamoDB door: pipeline tables as read-only DynamoDB tables.
//
// The table's key is its id; by_camera and by_location are indexes sorted by event time. A write is
// refused and names the stream to write to. Reads see every row that any answered put has made.
#pragma once

#include <memory>
#include <string>

#include "io/executor.h"
#include "pipeline/table_service.h"
#include "server/gate/door.h"

namespace freshet::dynamodb {

struct DoorConfig {
  std::string region = "us-east-1";
  std::string account = "000000000000";  // in ARNs
};

// Owned by app; outlives the server. Thread-safe. Short reads are answered on the net thread, long
// ones by `workers`; when those are full the client is told to come again.
class DynamoDbDoor {
 public:
  // `tables` and `workers` must outlive the door and every request that it has taken.
  DynamoDbDoor(DoorConfig config, pipeline::TableService& tables, io::Executor& workers)
      : config_(std::move(config)), tables_(tables), workers_(workers) {}

  gate::Door door();
  void handle(const gate::Principal& principal, gate::AwsRequest&& request, http::Respond respond);

 private:
  DoorConfig config_;
  pipeline::TableService& tables_;
  io::Executor& workers_;
};

}  // namespace freshet::dynamodb
