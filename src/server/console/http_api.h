// The HTTP API of port 8080: events in, SQL, explain, tail, tables, reference tables, health and
// metrics. docs/reference/http_api.md says what each call takes and gives.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive_service.h"
#include "event/position.h"
#include "http/message.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/random.h"
#include "pipeline/stream_service.h"
#include "pipeline/table_service.h"
#include "query/engine.h"
#include "replay/replay_service.h"
#include "server/console/services.h"
#include "server/gate/gate.h"

namespace freshet::console {

// What the API stands on. All of it outlives the API and the last answer.
struct HttpApiParts {
  pipeline::StreamService& streams;
  pipeline::TableService& tables;
  query::Engine& engine;
  ExplainService& explain;
  ReferenceService& references;
  io::Executor& executor;  // where calls that may wait run; full: 429
  io::Clock& clock;
  io::Random& random;
  std::function<HashKey(std::string_view)> hash_partition_key;  // as the Kinesis door hashes
  std::function<Status()> health;                               // /healthz: 200, or 503 with why
  archive::ArchiveService* archive = nullptr;                   // null: none is configured
  replay::ReplayService* replays = nullptr;                     // null: /v1/replay is not there
  // Where verifies and compactions run, one at a time and for hours; null: on `executor`.
  io::Executor* archive_executor = nullptr;
  // What Iceberg clients need to reach the files: "s3.endpoint", "s3.path-style-access". No
  // secrets.
  std::map<std::string, std::string> archive_access = {};
  ErasureService* erasures = nullptr;  // null: there is nothing at /v1/erasures and /v1/holds
};

// Owned by app. Net threads call the handler; everything that may wait runs on the executor.
class HttpApi {
 public:
  explicit HttpApi(HttpApiParts parts);
  ~HttpApi();
  HttpApi(const HttpApi&) = delete;
  HttpApi& operator=(const HttpApi&) = delete;

  // Deny by default: a key may do what its rules say ("sql:read table/detections", "events:put
  // stream/detections", "reference:read reference/cameras", "reference:put reference/cameras",
  // "metrics:read server", "archive:read table/detections", "replay:run table/detections"). Without
  // any key everything is allowed, to local requests alone: app must then have bound the port to
  // loopback.
  void replace_keys(std::vector<gate::Key> keys);

  // Ends archive jobs under way at their next file. Before the executors stop, which wait for them.
  void stop();

  // For http::ServerOptions.
  http::Handler handler();
  static std::uint64_t body_limit(const http::Request& head);
  static http::Response refusal(int status, std::string_view reason, const http::Request& head);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with work on the executor and puts under way
};

}  // namespace freshet::console
