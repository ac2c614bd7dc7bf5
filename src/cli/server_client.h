// Talks to a running server's HTTP API, on behalf of one command.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "common/result.h"
#include "http/client.h"

namespace freshet::cli {

struct ServerAnswer {
  std::string body;
  std::string cut;  // header Freshet-Cut; "" where there is none
  std::string content_type;
  std::string partial = {};  // header Freshet-Partial, JSON; "" where the answer is whole
};

// One thread. Every error says what to do: which server was tried, or the server's own words with
// their code.
class ServerClient {
 public:
  // The key of --token-file or FRESHET_TOKEN_FILE goes with every request.
  // --server, else --data's addresses.json, else FRESHET_SERVER, else http://127.0.0.1:8080.
  static Result<ServerClient> open(const Invocation& invocation);
  static Result<ServerClient> open_address(const std::string& address, std::int64_t timeout_us,
                                           std::string token = "");

  Result<ServerAnswer> get(const std::string& target, std::string_view accept = "application/json");
  Result<ServerAnswer> send(const std::string& method, const std::string& target, std::string body,
                            std::string_view content_type,
                            std::string_view accept = "application/json");
  const std::string& address() const { return address_; }

 private:
  ServerClient(std::string address, std::unique_ptr<http::Client> client, std::string token)
      : address_(std::move(address)), client_(std::move(client)), token_(std::move(token)) {}
  Result<ServerAnswer> exchange(http::Request request);

  std::string address_;
  std::unique_ptr<http::Client> client_;
  std::string token_;  // "KEYID.SECRET"; "" where none is needed
};

// RFC 3986 percent-encoding of a path segment or a query's value.
std::string url_encode(std::string_view text);
// What DIR/addresses.json says, {"aws":"…","http":"…"}; "" for a closed door.
Result<std::string> address_in_data_directory(const std::string& directory, std::string_view door);
// The duration of --timeout, or 60 s.
Result<std::int64_t> timeout_of(const Invocation& invocation);
// A count above 0 of that flag.
Result<std::uint64_t> count_of(const Invocation& invocation, std::string_view flag,
                               std::uint64_t otherwise);

}  // namespace freshet::cli
