#include "server/kinesis/door.h"

#include <fmt/format.h>

#include <utility>

#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

// The body of a call without members may be left out.
Result<aws::Document> parse_request(const std::string& body, aws::Encoding encoding) {
  if (body.empty()) return aws::Document::map();
  Result<aws::Document> document = aws::parse(body, encoding);
  if (document) return document;
  return unreadable_body(std::move(document).error().message());
}

void answer_call(const Operation& operation, const Call& call, const Answer& answer) {
  Result<aws::Document> result = operation.run(call);
  if (result) return answer.succeed(*result);
  answer.fail(result.error());
}

void run_on_workers(const std::shared_ptr<Services>& services, const Operation& operation,
                    const gate::Principal& principal, aws::Document request, const Answer& answer) {
  bool accepted = services->workers.post(
      [services, &operation, principal, request = std::move(request), answer] {
        answer_call(operation, Call{*services, principal, operation.name, request}, answer);
      });
  if (accepted) return;
  answer.fail(Error(Code::kThrottled,
                    "The server has too many calls of this kind waiting; send this one again."));
}

void handle(const std::shared_ptr<Services>& services, const gate::Principal& principal,
            gate::AwsRequest&& request, http::Respond respond) {
  Answer answer(request, services->options.retry_after_ms, std::move(respond));
  const Operation* operation = find_operation(request.operation);
  if (operation == nullptr) {
    return answer.fail(
        Error(Code::kUnsupported, kUnknownOperation,
              fmt::format("Operation {} is not known to this server.", request.operation)));
  }
  if (operation->start != nullptr) {
    return operation->start(*services, principal, std::move(request), answer);
  }
  Result<aws::Document> document = parse_request(request.body, answer.encoding());
  if (!document) return answer.fail(document.error());
  if (operation->where == Operation::kOnWorkers) {
    return run_on_workers(services, *operation, principal, *std::move(document), answer);
  }
  answer_call(*operation, Call{*services, principal, operation->name, *document}, answer);
}

}  // namespace

KinesisDoor::KinesisDoor(pipeline::StreamService& streams, io::Executor& workers, io::Clock& clock,
                         DoorConfig config)
    : services_(new Services{.streams = streams,
                             .workers = workers,
                             .clock = clock,
                             .sealer = TokenSealer(config.secret),
                             .region = std::move(config.region),
                             .account = std::move(config.account),
                             .options = config.options,
                             .scaling = {},
                             .settings_mutex = {}}) {}

gate::Door KinesisDoor::door() const {
  return {.target_prefix = "Kinesis_20131202.",
          .scope = "kinesis",
          .handle = [services = services_](const gate::Principal& principal,
                                           gate::AwsRequest&& request, http::Respond respond) {
            handle(services, principal, std::move(request), std::move(respond));
          }};
}

}  // namespace freshet::kinesis
