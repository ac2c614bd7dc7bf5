// The server: builds the parts in order, and stops them in the order back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "common/result.h"

namespace freshet::app {

struct Addresses {
  std::string aws;  // "127.0.0.1:4566", "" where the door is closed
  std::string http;
};

// Owned by the command that runs it; one thread.
class Server {
 public:
  // Returns when the doors are open. What was acknowledged before is readable then. `begin_again`
  // is called, on any thread, when the server is to be stopped and started anew: an erasure wants
  // it. Without it there are no erasures.
  static Result<std::unique_ptr<Server>> start(const Config& config,
                                               std::function<void()> begin_again = {});
  ~Server();  // stop()
  const Addresses& addresses() const;
  // Lines for the operator: what was found at start, how it listens, who may come in.
  std::string start_report() const;
  // Turns new requests away, finishes those in hand, makes everything durable. Idempotent.
  void stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Everything that start() would refuse, without listening or writing: configuration, keys,
// reference files, SQL.
Status check_server(const Config& config);

}  // namespace freshet::app
