// POST /v1/sql {"sql": "…", "params": […] or {…}, "after": "…", "limits": {"time": "5s", "rows":
// 10}}
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "common/time_text.h"
#include "common/units.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

constexpr std::size_t kMissingInHeaderMax = 8;

Error bad_body(std::string message) {
  return Error(Code::kInvalid, 5103, std::move(message));
}

Result<sql::Parameter> parameter_of(const simdjson::dom::element& value, std::string_view name) {
  switch (value.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return sql::Parameter(std::monostate());
    case simdjson::dom::element_type::BOOL:
      return sql::Parameter(bool(value));
    case simdjson::dom::element_type::INT64:
      return sql::Parameter(std::int64_t(value));
    case simdjson::dom::element_type::UINT64:
      // Above the largest BIGINT: as text, which DuckDB casts to what the place wants.
      return sql::Parameter(std::to_string(std::uint64_t(value)));
    case simdjson::dom::element_type::DOUBLE:
      return sql::Parameter(double(value));
    case simdjson::dom::element_type::STRING:
      return sql::Parameter(std::string(std::string_view(value)));
    default:
      return bad_body(
          fmt::format("parameter {} is neither text, number, true, false nor null", name));
  }
}

Status read_parameters(const simdjson::dom::element& params, sql::Parameters& to) {
  if (params.is_array()) {
    std::size_t index = 0;
    for (auto value : simdjson::dom::array(params)) {
      std::string name = std::to_string(++index);
      FRESHET_TRY(sql::Parameter parameter, parameter_of(value, name));
      to[name] = std::move(parameter);
    }
    return ok();
  }
  if (!params.is_object()) return bad_body("\"params\" takes an array or an object");
  for (auto field : simdjson::dom::object(params)) {
    FRESHET_TRY(sql::Parameter parameter, parameter_of(field.value, field.key));
    to[std::string(field.key)] = std::move(parameter);
  }
  return ok();
}

Status read_limits(const simdjson::dom::element& limits, query::SqlRequest& request) {
  simdjson::dom::object object;
  if (limits.get_object().get(object) != simdjson::SUCCESS)
    return bad_body("\"limits\" takes an object like {\"time\": \"5s\", \"rows\": 1000}");
  for (auto field : object) {
    if (field.key == "rows") {
      if (field.value.get_uint64().get(request.rows_max) != simdjson::SUCCESS ||
          request.rows_max == 0)
        return bad_body("\"limits.rows\" takes a whole number above 0");
    } else if (field.key == "time") {
      std::string_view text;
      if (field.value.get_string().get(text) != simdjson::SUCCESS)
        return bad_body("\"limits.time\" takes a duration like \"5s\"");
      auto parsed = parse_duration_us(text);
      if (!parsed || *parsed <= 0)
        return bad_body("\"limits.time\" takes a duration above 0 like \"5s\"");
      request.time_us = *parsed;
    } else {
      return bad_body(fmt::format("\"limits\" has no member \"{}\": time, rows", field.key));
    }
  }
  return ok();
}

Status read_text(const simdjson::dom::element& value, std::string_view name, std::string& to) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS)
    return bad_body(fmt::format("\"{}\" takes a text", name));
  to = text;
  return ok();
}

Status read_as_of(const simdjson::dom::element& value, query::SqlRequest& request) {
  std::string text;
  FRESHET_TRY_STATUS(read_text(value, "as_of", text));
  request.as_of_us = parse_rfc3339_us(text);
  if (request.as_of_us) return ok();
  return bad_body("\"as_of\" takes a moment like \"2026-11-28T09:00:00Z\"");
}

Status read_member(std::string_view name, const simdjson::dom::element& value,
                   query::SqlRequest& request) {
  if (name == "sql") return read_text(value, name, request.sql);
  if (name == "after") return read_text(value, name, request.after);
  if (name == "cut") return read_text(value, name, request.cut);
  if (name == "as_of") return read_as_of(value, request);
  if (name == "params") return read_parameters(value, request.parameters);
  if (name == "limits") return read_limits(value, request);
  if (name == "partial") {
    if (value.get_bool().get(request.partial) == simdjson::SUCCESS) return ok();
    return bad_body("\"partial\" takes true or false");
  }
  return Error(Code::kInvalid, 5104,
               fmt::format("the body has no member \"{}\": sql, params, after, cut, as_of, limits, "
                           "partial",
                           name));
}

Result<query::SqlRequest> read_request(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (auto failure = parser.parse(body).get_object().get(object); failure != simdjson::SUCCESS) {
    return bad_body(fmt::format("the body is not a JSON object like {{\"sql\": \"SELECT 1\"}}: {}",
                                simdjson::error_message(failure)));
  }
  query::SqlRequest request;
  for (auto field : object) FRESHET_TRY_STATUS(read_member(field.key, field.value, request));
  if (request.sql.empty()) return bad_body("the body has no \"sql\"");
  return request;
}

// The weight of one media range of an Accept header, in thousandths (RFC 9110 section 12.4.2).
int weight_of(std::string_view range) {
  std::size_t at = range.find("q=");
  if (at == std::string_view::npos) return 1000;
  std::string_view text = range.substr(at + 2);
  double weight = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), weight);
  return failure == std::errc() ? static_cast<int>(weight * 1000) : 0;
}

// [{"table":"detections","file":"file:///…","rows":10,"reason":"FRS-3810 …"}]
std::string missing_json(std::span<const sql::MissingPart> missing) {
  std::string json = "[";
  for (const sql::MissingPart& part : missing) {
    json += json.size() == 1 ? "{" : ",{";
    json +=
        fmt::format("\"table\":{},\"file\":{},\"up_to_position\":{},\"rows\":{},\"reason\":{}}}",
                    json_text(part.table), part.file.empty() ? "null" : json_text(part.file),
                    part.positions ? std::to_string(part.positions->value) : "null",
                    part.rows ? std::to_string(*part.rows) : "null", json_text(part.reason));
  }
  return json + ']';
}

// A header takes the first ones: '[{…},{"more":3}]', in ASCII.
std::string missing_header(const std::vector<sql::MissingPart>& missing) {
  std::size_t named = std::min(missing.size(), kMissingInHeaderMax);
  std::string json = missing_json(std::span(missing).first(named));
  if (named < missing.size()) {
    json.pop_back();
    json += fmt::format(",{{\"more\":{}}}]", missing.size() - named);
  }
  for (char& c : json) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return json;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<Acceptable> acceptable_format(const http::Request& request) {
  static constexpr Acceptable kOffered[] = {
      {sql::AnswerFormat::kJson, "application/json"},
      {sql::AnswerFormat::kNdjson, "application/x-ndjson"},
      {sql::AnswerFormat::kCsv, "text/csv"},
  };
  std::string_view accept = trimmed(request.header("accept").value_or("*/*"));
  if (accept.empty()) return kOffered[0];
  int best_weight = 0;
  Acceptable best;
  while (!accept.empty()) {
    std::size_t end = std::min(accept.find(','), accept.size());
    std::string_view range = accept.substr(0, end);
    std::string_view type = trimmed(range.substr(0, range.find(';')));
    for (const Acceptable& offered : kOffered) {
      bool fits = type == offered.content_type || type == "*/*" ||
                  (type.ends_with("/*") &&
                   offered.content_type.starts_with(type.substr(0, type.size() - 1)));
      if (!fits || weight_of(range) <= best_weight) continue;
      best_weight = weight_of(range);
      best = offered;
    }
    accept.remove_prefix(std::min(end + 1, accept.size()));
  }
  if (best_weight > 0) return best;
  return Error(
      Code::kInvalid, 5105,
      "answers are application/json, application/x-ndjson or text/csv: name one in Accept");
}

void run_sql(const Context& context, const CallPointer& call) {
  auto accepted = acceptable_format(call->request);
  if (!accepted) return call->fail(accepted.error());
  auto request = read_request(call->request.body);
  if (!request) return call->fail(request.error());
  request->format = accepted->format;
  request->allows = [call](std::string_view table) {
    return call->caller.allows("sql:read", "table/" + std::string(table));
  };
  auto answer = context->parts.engine.run(*request);
  if (!answer) return call->fail(answer.error());
  http::Response response;
  response.headers = {{"content-type", std::string(accepted->content_type)},
                      {"freshet-cut", query::format_cut_token(answer->cut)}};
  response.body = std::move(answer->answer.text);
  if (!answer->missing.empty())
    response.headers.push_back({"freshet-partial", missing_header(answer->missing)});
  if (request->partial && accepted->format == sql::AnswerFormat::kJson) {
    response.body = fmt::format("{{\"partial\":{},\"rows\":{}}}\n", missing_json(answer->missing),
                                response.body);
  }
  call->answer(std::move(response));
}

}  // namespace freshet::console
