// GET /v1/tail?table=T&after=TOKEN&limit=N&filter=SQL&wait=MS -> {"rows": […], "next": TOKEN}: the
// rows behind a position, by SQL; waits a little where there are none. Without `after` it begins
// now; "start" is the oldest row.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "server/console/calls.h"

namespace freshet::console {
namespace {

constexpr std::uint64_t kRowsMax = 10'000;
constexpr std::uint64_t kWaitDefaultMs = 1'000;
constexpr std::uint64_t kWaitMaxMs = 30'000;
// A waiting tail holds a thread of the executor, which queries need too.
constexpr std::uint32_t kWaitingMax = 2;

// Behind which record and which part of it (KPL aggregates) the next page begins.
struct Place {
  std::uint64_t position = 0;
  std::uint32_t sub = std::numeric_limits<std::uint32_t>::max();
};

std::string token_of(const Place& place) {
  return fmt::format("t1.{}.{}", place.position, place.sub);
}

Result<Place> place_of(std::string_view text, const std::string& stream) {
  if (text == "start") return Place{0, std::numeric_limits<std::uint32_t>::max()};
  if (!text.starts_with("t1.")) {
    FRESHET_TRY(query::CutToken token, query::parse_cut_token(text));
    auto point = token.find(stream);
    if (point != token.end()) return Place{point->second.position.value};
    return Error(Code::kInvalid, 5106,
                 fmt::format("the token in `after` does not name stream {}", stream));
  }
  Place place;
  const char* end = text.data() + text.size();
  auto position = std::from_chars(text.data() + 3, end, place.position);
  if (position.ec == std::errc() && position.ptr != end && *position.ptr == '.') {
    auto sub = std::from_chars(position.ptr + 1, end, place.sub);
    if (sub.ec == std::errc() && sub.ptr == end) return place;
  }
  return Error(Code::kInvalid, 5106, "`after` takes the `next` of an earlier answer, or start");
}

struct Page {
  std::string rows;  // objects joined by commas
  Place next;
  bool empty = true;
};

// The place of the last row of NDJSON text.
Result<Place> last_place(std::string_view lines) {
  lines.remove_suffix(1);
  std::string_view last = lines.substr(lines.rfind('\n') + 1);
  simdjson::dom::parser parser;
  simdjson::dom::element row;
  Place place;
  std::uint64_t sub = 0;
  bool read = parser.parse(last.data(), last.size()).get(row) == simdjson::SUCCESS &&
              row["position"].get_uint64().get(place.position) == simdjson::SUCCESS;
  if (!read) return Error(Code::kInternal, 9620, "a row of a tail has no position");
  if (row["sub_position"].get_uint64().get(sub) == simdjson::SUCCESS)
    place.sub = static_cast<std::uint32_t>(sub);
  return place;
}

Result<Page> read_page(const Context& context, const CallPointer& call,
                       const pipeline::TableInfo& table, const Place& after, std::uint64_t limit) {
  bool has_sub = table.schema.find("sub_position").has_value();
  std::string behind = fmt::format("position > {}", after.position);
  if (has_sub)
    behind += fmt::format(" OR (position = {} AND sub_position > {})", after.position, after.sub);
  std::string filter(call->parameter("filter"));
  query::SqlRequest request;
  // The line break ends a comment that a filter may end with.
  request.sql = fmt::format("SELECT * FROM \"{}\" WHERE ({}){} ORDER BY position{} LIMIT {}",
                            table.name, behind, filter.empty() ? "" : " AND (" + filter + "\n)",
                            has_sub ? ", sub_position" : "", limit);
  request.format = sql::AnswerFormat::kNdjson;
  request.allows = [call](std::string_view name) {
    return call->caller.allows("sql:read", "table/" + std::string(name));
  };
  FRESHET_TRY(query::SqlAnswer answer, context->parts.engine.run(request));
  Page page;
  page.empty = answer.answer.row_count == 0;
  // A whole page may have more behind it; else everything up to the cut was looked at.
  page.next = {std::max(answer.cut[table.stream].position.value, after.position)};
  if (answer.answer.row_count == limit) {
    FRESHET_TRY(page.next, last_place(answer.answer.text));
  }
  page.rows = std::move(answer.answer.text);
  if (!page.empty) page.rows.pop_back();
  std::replace(page.rows.begin(), page.rows.end(), '\n', ',');
  return page;
}

// Waits until something stands behind `after`, if few enough wait already.
void wait_for_news(const Context& context, const pipeline::TableInfo& table, const Place& after,
                   std::uint64_t wait_ms) {
  if (context->tails_waiting.fetch_add(1) < kWaitingMax) {
    context->parts.tables.wait_for(table.name, Position{after.position + 1},
                                   static_cast<std::int64_t>(wait_ms) * 1000);
  }
  context->tails_waiting.fetch_sub(1);
}

Result<std::string> tail(const Context& context, const CallPointer& call) {
  FRESHET_TRY_STATUS(call->check_parameters({"table", "after", "limit", "filter", "wait"}));
  std::string name(call->parameter("table"));
  FRESHET_TRY(std::uint64_t limit, call->number("limit", 1'000, 1, kRowsMax));
  FRESHET_TRY(std::uint64_t wait_ms, call->number("wait", kWaitDefaultMs, 0, kWaitMaxMs));
  FRESHET_TRY_STATUS(call->caller.require("sql:read", "table/" + name));
  auto table = context->parts.tables.find(name);
  if (!table) {
    return Error(Code::kNotFound, 5012,
                 fmt::format("there is no table \"{}\": GET /v1/tables lists them", name));
  }
  if (!table->schema.find("position")) {
    return Error(Code::kInvalid, 5111,
                 fmt::format("table \"{}\" has no positions to follow: use POST /v1/sql", name));
  }
  Place after;
  if (call->parameter("after").empty()) {
    auto cut = context->parts.tables.cut(table->name);
    if (!cut) return Error(Code::kNotFound, 5012, "the table was just removed");
    return fmt::format(R"({{"api":"v1","rows":[],"next":"{}"}})"
                       "\n",
                       token_of({cut->position.value}));
  }
  FRESHET_TRY(after, place_of(call->parameter("after"), table->stream));
  FRESHET_TRY(Page page, read_page(context, call, *table, after, limit));
  if (page.empty && wait_ms > 0) {
    wait_for_news(context, *table, page.next, wait_ms);
    FRESHET_TRY(page, read_page(context, call, *table, page.next, limit));
  }
  return fmt::format(R"({{"api":"v1","rows":[{}],"next":"{}"}})"
                     "\n",
                     page.rows, token_of(page.next));
}

}  // namespace

void tail_table(const Context& context, const CallPointer& call) {
  auto answer = tail(context, call);
  if (!answer) return call->fail(answer.error());
  call->answer_json(*std::move(answer));
}

}  // namespace freshet::console
