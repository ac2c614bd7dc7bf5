// The read side of Iceberg's REST catalog, /iceberg/v1/…: how PyIceberg, DuckDB, Spark and Trino
// find the archive's tables by name. One namespace; no prefix; nothing can be written.
#include <fmt/format.h>

#include <algorithm>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

constexpr std::uint64_t kPageDefault = 1'000;
constexpr std::uint64_t kPageMax = 10'000;

// "/iceberg/v1/namespaces/{3}/tables/{5}"
Status check_namespace(const Call& call) {
  const std::string& name = call.target.segments[3];
  if (name == archive::kNamespace) return ok();
  return Error(Code::kNotFound, 5114,
               fmt::format("there is no namespace {}: all tables are in {}", json_text(name),
                           archive::kNamespace));
}

Status require_read(const Call& call, std::string_view table) {
  return call.caller.require("archive:read", "table/" + std::string(table));
}

// The table that the address names, if the key may read it.
Result<archive::ArchivedTable> named_table(const Context& context, const Call& call) {
  FRESHET_TRY_STATUS(check_namespace(call));
  const std::string& name = call.target.segments[5];
  for (archive::ArchivedTable& table : context->parts.archive->tables()) {
    if (table.iceberg_name != name) continue;
    FRESHET_TRY_STATUS(require_read(call, table.name));
    return std::move(table);
  }
  // Who may not read it does not learn either that it is not there.
  FRESHET_TRY_STATUS(require_read(call, name));
  return Error(
      Code::kNotFound, 3830,
      fmt::format("there is no table {} in namespace {}", json_text(name), archive::kNamespace));
}

void answer_nothing(Call& call, int status, std::vector<http::Header> headers = {}) {
  http::Response response;
  response.status = status;
  response.headers = std::move(headers);
  call.answer(std::move(response));
}

// Each commit has a metadata file of its own; the sum is for a table that was made anew at the same
// version.
std::string entity_tag_of(const archive::ArchivedTable& table) {
  return fmt::format("\"{}-{:08x}\"", table.version, crc32c(0, as_bytes_of(table.metadata_url)));
}

// True where If-None-Match names `tag` (RFC 9110 section 13.1.2; weak comparison).
bool client_has(const http::Request& request, std::string_view tag) {
  std::string_view known = request.header("if-none-match").value_or("");
  while (!known.empty()) {
    std::size_t end = std::min(known.find(','), known.size());
    std::string_view one = known.substr(0, end);
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
    known.remove_prefix(std::min(end + 1, known.size()));
  }
  return false;
}

std::string json_of(const std::map<std::string, std::string>& properties) {
  std::string json = "{";
  for (const auto& [name, value] : properties)
    json += fmt::format("{}{}:{}", json.size() == 1 ? "" : ",", json_text(name), json_text(value));
  return json + '}';
}

std::vector<std::string> readable_names(const Context& context, const Call& call) {
  std::vector<std::string> names;
  for (const archive::ArchivedTable& table : context->parts.archive->tables()) {
    if (call.caller.allows("archive:read", "table/" + table.name))
      names.push_back(table.iceberg_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> tables_page(const Context& context, const Call& call) {
  FRESHET_TRY_STATUS(check_namespace(call));
  // A client that names neither knows of no pages, and wants all.
  bool has_pages =
      call.target.parameters.contains("pageToken") || call.target.parameters.contains("pageSize");
  FRESHET_TRY(std::uint64_t limit, call.number("pageSize", kPageDefault, 1, kPageMax));
  std::vector<std::string> names = readable_names(context, call);
  // The token is the last name shown, so that tables made or removed meanwhile shift nothing.
  auto begin = std::upper_bound(names.begin(), names.end(), call.parameter("pageToken"));
  auto left = static_cast<std::uint64_t>(names.end() - begin);
  auto end = has_pages && left > limit ? begin + static_cast<std::ptrdiff_t>(limit) : names.end();
  std::string json = "{\"identifiers\":[";
  for (auto name = begin; name != end; ++name) {
    json += fmt::format(R"({}{{"namespace":["{}"],"name":{}}})", name == begin ? "" : ",",
                        archive::kNamespace, json_text(*name));
  }
  json += ']';
  if (end != names.end()) json += ",\"next-page-token\":" + json_text(*(end - 1));
  return json + "}\n";
}

}  // namespace

void get_iceberg_config(const Context&, const CallPointer& call) {
  // Without the list, clients assume that they may write.
  static constexpr std::string_view kConfig =
      R"({"defaults":{},"overrides":{},"endpoints":["GET /v1/{prefix}/namespaces",)"
      R"("GET /v1/{prefix}/namespaces/{namespace}","HEAD /v1/{prefix}/namespaces/{namespace}",)"
      R"("GET /v1/{prefix}/namespaces/{namespace}/tables",)"
      R"("GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",)"
      R"("HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",)"
      R"("POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics"]})"
      "\n";
  call->answer_json(std::string(kConfig));
}

void list_iceberg_namespaces(const Context&, const CallPointer& call) {
  std::string_view parent = call->parameter("parent");
  if (parent.empty())
    return call->answer_json(fmt::format("{{\"namespaces\":[[\"{}\"]]}}\n", archive::kNamespace));
  if (parent == archive::kNamespace) return call->answer_json("{\"namespaces\":[]}\n");
  call->fail(Error(Code::kNotFound, 5114,
                   fmt::format("there is no namespace {}: all tables are in {}", json_text(parent),
                               archive::kNamespace)));
}

void get_iceberg_namespace(const Context&, const CallPointer& call) {
  if (Status there = check_namespace(*call); !there) return call->fail(there.error());
  if (call->request.method == "HEAD") return answer_nothing(*call, 204);
  call->answer_json(
      fmt::format("{{\"namespace\":[\"{}\"],\"properties\":{{}}}}\n", archive::kNamespace));
}

void list_iceberg_tables(const Context& context, const CallPointer& call) {
  auto page = tables_page(context, *call);
  if (!page) return call->fail(page.error());
  call->answer_json(*std::move(page));
}

void load_iceberg_table(const Context& context, const CallPointer& call) {
  auto table = named_table(context, *call);
  if (!table) return call->fail(table.error());
  if (std::string tag = entity_tag_of(*table); client_has(call->request, tag))
    return answer_nothing(*call, 304, {{"etag", tag}});
  auto loaded = context->parts.archive->load(table->iceberg_name);
  if (!loaded) return call->fail(loaded.error());
  // The metadata goes out byte by byte as it was committed: what a parser of ours does not know
  // must not be lost on the way.
  call->answer_json(fmt::format("{{\"metadata-location\":{},\"metadata\":{},\"config\":{}}}\n",
                                json_text(loaded->table.metadata_url), loaded->metadata,
                                json_of(context->parts.archive_access)),
                    {{"etag", entity_tag_of(loaded->table)}});
}

void find_iceberg_table(const Context& context, const CallPointer& call) {
  auto table = named_table(context, *call);
  if (!table) return call->fail(table.error());
  answer_nothing(*call, 204);
}

void take_iceberg_metrics(const Context& context, const CallPointer& call) {
  // How long a client's scan took helps nobody here, but without this route it would warn each
  // time.
  auto table = named_table(context, *call);
  if (!table) return call->fail(table.error());
  answer_nothing(*call, 204);
}

}  // namespace freshet::console
