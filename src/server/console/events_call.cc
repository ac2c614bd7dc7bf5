// POST /v1/streams/{s}/events: events in; out, for each, what became of it, and a token to read
// them by. The answer comes when every row is durable and visible.
#include <fmt/format.h>

#include <algorithm>

#include "common/units.h"
#include "query/cut_token.h"
#include "server/console/calls.h"
#include "server/console/event_body.h"
#include "server/console/event_outcomes.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

// A put under way. Shared by the executor and the shard's answer, one after the other.
struct Put {
  std::string stream;
  std::size_t event_count = 0;
  std::vector<std::size_t> sent;       // which events were put, by their place in the body
  std::vector<std::size_t> too_large;  // which were not
  std::uint64_t record_bytes_max = 0;
};

// Moves the body and the keys into arenas, so that the records' views hold while the batch travels.
EventBatch make_batch(const Context& context, Put& put, std::string body,
                      std::vector<std::string_view> events) {
  PartitionKeyReader reader;
  std::vector<std::string> keys;
  std::size_t key_bytes = 64;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].size() > put.record_bytes_max) {
      put.too_large.push_back(i);
      continue;
    }
    put.sent.push_back(i);
    keys.push_back(reader.read(events[i]));
    key_bytes += keys.back().size();
  }
  std::string key_arena;
  key_arena.reserve(key_bytes);
  EventBatch batch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::size_t first = key_arena.size();
    key_arena += keys[i];
    std::string_view key(key_arena.data() + first, keys[i].size());
    batch.records.push_back({key, events[put.sent[i]], context->parts.hash_partition_key(key)});
  }
  batch.arenas.push_back(std::move(body));
  batch.arenas.push_back(std::move(key_arena));
  return batch;
}

struct Counts {
  std::size_t accepted = 0, duplicate = 0, refused = 0, filtered = 0, stored = 0;

  void add(std::string_view outcome) {
    if (outcome == "accepted") ++accepted;
    if (outcome == "duplicate") ++duplicate;
    if (outcome == "refused") ++refused;
    if (outcome == "filtered") ++filtered;
    if (outcome == "stored") ++stored;
  }
};

// The answer's parts, in the order of the body.
class OutcomeReport {
 public:
  explicit OutcomeReport(std::size_t event_count) : rows_(event_count) {}

  void set(std::size_t event, const EventOutcome& outcome, Position position) {
    counts_.add(outcome.outcome);
    std::string& row = rows_[event];
    row = fmt::format(R"({{"row":{},"outcome":"{}")", event, outcome.outcome);
    if (position.value != 0) row += fmt::format(R"(,"position":{})", position.value);
    if (outcome.first_position.value != 0)
      row += fmt::format(R"(,"first_position":{})", outcome.first_position.value);
    if (outcome.outcome == "refused") {
      row += fmt::format(R"(,"reason":{},"detail":{})", json_text(outcome.reason),
                         json_text(outcome.detail));
      refusals_.push_back(event);
    }
    row += '}';
  }

  std::string json(const std::string& token) const {
    std::string json = fmt::format(
        R"({{"api":"v1","received":{},"accepted":{},"duplicate":{},"refused":{},"filtered":{})",
        rows_.size(), counts_.accepted, counts_.duplicate, counts_.refused, counts_.filtered);
    if (counts_.stored > 0) json += fmt::format(R"(,"stored":{})", counts_.stored);
    if (!token.empty()) json += fmt::format(R"(,"position":"{}")", token);
    json += R"(,"refusals":[)";
    for (std::size_t i = 0; i < refusals_.size(); ++i)
      json += (i == 0 ? "" : ",") + rows_[refusals_[i]];
    json += R"(],"rows":[)";
    for (std::size_t i = 0; i < rows_.size(); ++i) json += (i == 0 ? "" : ",") + rows_[i];
    return json + "]}\n";
  }

 private:
  Counts counts_;
  std::vector<std::string> rows_;
  std::vector<std::size_t> refusals_;
};

std::vector<EventOutcome> outcomes_of(const Context& context, const std::string& stream,
                                      std::span<const Position> positions) {
  if (auto table = table_of_stream(context->parts.tables, stream)) {
    if (auto cut = context->parts.tables.cut(table->name))
      return find_outcomes(*cut, table->name, positions);
  }
  // No pipeline reads this stream: its records wait in the log for readers.
  EventOutcome stored;
  stored.outcome = "stored";
  return std::vector<EventOutcome>(positions.size(), stored);
}

void answer_put(const Context& context, const CallPointer& call, const Put& put,
                const std::vector<pipeline::PutOutcome>& stored) {
  std::vector<Position> positions;
  query::CutToken token;
  for (const pipeline::PutOutcome& one : stored) {
    positions.push_back(one.position);
    Position& last = token[put.stream].position;
    last = std::max(last, one.position);
  }
  std::vector<EventOutcome> outcomes = outcomes_of(context, put.stream, positions);
  OutcomeReport report(put.event_count);
  for (std::size_t i = 0; i < stored.size(); ++i)
    report.set(put.sent[i], outcomes[i], positions[i]);
  EventOutcome too_large;
  too_large.outcome = "refused";
  too_large.reason = "too_large";
  too_large.detail = fmt::format("larger than the stream's limit of {} a record",
                                 format_bytes(put.record_bytes_max));
  for (std::size_t event : put.too_large) report.set(event, too_large, {});
  std::string text = token.empty() ? "" : query::format_cut_token(token);
  std::vector<http::Header> headers;
  if (!text.empty()) headers.push_back({"freshet-cut", text});
  call->answer_json(report.json(text), std::move(headers));
}

}  // namespace

void put_events(const Context& context, const CallPointer& call) {
  const std::string& stream = call->target.segments[2];
  if (Status allowed = call->caller.require("events:put", "stream/" + stream); !allowed)
    return call->fail(allowed.error());
  auto info = context->parts.streams.find(stream);
  if (!info) {
    return call->fail(Error(Code::kNotFound, 5112,
                            fmt::format("there is no stream {}: declare it under [streams], or "
                                        "create it through the Kinesis door",
                                        json_text(stream))));
  }
  std::string body = std::move(call->request.body);
  body.reserve(64);  // so that a move keeps the address that the events' views hold
  auto events = split_events(body, call->request.header("content-type").value_or(""));
  if (!events) return call->fail(events.error());
  auto put = std::make_shared<Put>();
  put->stream = stream;
  put->event_count = events->size();
  put->record_bytes_max = info->record_bytes_max;
  EventBatch batch = make_batch(context, *put, std::move(body), *std::move(events));
  if (batch.records.empty()) return answer_put(context, call, *put, {});
  context->parts.streams.put(
      info->id, std::move(batch),
      [context, call, put](Result<std::vector<pipeline::PutOutcome>> stored) {
        if (!stored) return call->fail(stored.error());
        auto outcomes = std::make_shared<std::vector<pipeline::PutOutcome>>(*std::move(stored));
        auto answer = [context, call, put, outcomes] {
          answer_put(context, call, *put, *outcomes);
        };
        // The events are in: a full executor must not turn that into an error.
        if (!context->parts.executor.post(answer)) answer();
      });
}

}  // namespace freshet::console
