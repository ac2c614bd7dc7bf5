// GET /v1/archive: the tables in the archive. GET /v1/archive/tables/T/files: what one is made of.
// POST /v1/archive/verify and …/compact {"table": "T"}: begins one table, or all that the key may;
// GET /v1/archive/jobs/{id}: how far it is, and in the end what came of it; DELETE: ends it early.
// POST /v1/archive/flush: commits what is visible.
#include <fmt/format.h>
#include <simdjson.h>

#include "common/time_text.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

std::string resource_of(std::string_view table) {
  return "table/" + std::string(table);
}

std::string json_of(const archive::ArchivedTable& table) {
  std::string snapshot = table.snapshot_id ? std::to_string(*table.snapshot_id) : "null";
  std::string committed =
      table.committed_us == 0 ? "null" : '"' + format_rfc3339_us(table.committed_us) + '"';
  return fmt::format(
      R"({{"name":{},"iceberg_name":{},"files":{},"rows":{},"bytes":{},"boundary":{},)"
      R"("committed":{},"version":{},"snapshot_id":{},"snapshots":{},"location":{},)"
      R"("metadata_url":{}}})",
      json_text(table.name), json_text(table.iceberg_name), table.files, table.rows, table.bytes,
      table.boundary.value, committed, table.version, snapshot, table.snapshots,
      json_text(table.location), json_text(table.metadata_url));
}

std::string json_of(const archive::VerifyReport& report) {
  std::string json = fmt::format(R"("version":{},"files":{},"rows":{},"bytes":{},"damaged":[)",
                                 report.version, report.files, report.rows, report.bytes);
  for (std::size_t i = 0; i < report.damaged.size(); ++i) {
    json += fmt::format(R"({}{{"url":{},"error":{}}})", i == 0 ? "" : ",",
                        json_text(report.damaged[i].url), json_text(report.damaged[i].error));
  }
  return json + ']';
}

std::string json_of(const archive::CompactReport& report) {
  return fmt::format(R"("files_before":{},"files_after":{},"rows":{},"duplicates_removed":{})",
                     report.files_before, report.files_after, report.rows,
                     report.duplicates_removed);
}

std::string json_of(const Error& error) {
  return fmt::format(R"("error":{{"code":"FRS-{:04d}","message":{}}})",
                     error.number() == 0 ? 9000 : error.number(), json_text(error.message()));
}

std::string json_of(const ArchiveJobState& job) {
  std::string json = fmt::format(R"({{"api":"v1","job":{},"work":"{}","state":"{}","tables":{})",
                                 json_text(job.id), name_of(job.work),
                                 job.running   ? "running"
                                 : job.stopped ? "stopped"
                                               : "done",
                                 job.tables.size());
  if (job.running && job.outcomes.size() < job.tables.size()) {
    json += fmt::format(R"(,"table":{},"files_done":{},"files":{})",
                        json_text(job.tables[job.outcomes.size()]), job.files_done, job.files);
  }
  json += ",\"reports\":[";
  for (std::size_t i = 0; i < job.outcomes.size(); ++i) {
    std::string report =
        std::visit([](const auto& one) { return json_of(one); }, job.outcomes[i].report);
    json += fmt::format(R"({}{{"table":{},{}}})", i == 0 ? "" : ",",
                        json_text(job.outcomes[i].table), report);
  }
  return json + "]}\n";
}

void answer_job(const CallPointer& call, const ArchiveJobState& job) {
  // Where one table was asked for, its failure is the call's.
  if (!job.running && job.tables.size() == 1 && job.outcomes.size() == 1) {
    const auto* failed = std::get_if<Error>(&job.outcomes[0].report);
    if (failed != nullptr) return call->fail(*failed);
  }
  http::Response response;
  response.status = job.running ? 202 : 200;
  response.headers.push_back({"content-type", "application/json"});
  response.body = json_of(job);
  call->answer(std::move(response));
}

// The table that the body names; "" for all of them.
Result<std::string> table_in_body(const std::string& body) {
  if (body.empty()) return std::string();
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS)
    return Error(Code::kInvalid, 5103, "the body is not a JSON object like {\"table\": \"NAME\"}");
  std::string table;
  for (auto field : object) {
    std::string_view text;
    if (field.key != "table")
      return Error(Code::kInvalid, 5104,
                   fmt::format("the body has no member \"{}\": table", field.key));
    if (field.value.get_string().get(text) != simdjson::SUCCESS || text.empty())
      return Error(Code::kInvalid, 5103, "\"table\" takes a table's name");
    table = text;
  }
  return table;
}

// The tables to work on: the one that is named, else all for which the key has the rule.
Result<std::vector<std::string>> tables_of(const Context& context, const CallPointer& call,
                                           std::string_view action) {
  FRESHET_TRY(std::string named, table_in_body(call->request.body));
  if (!named.empty()) FRESHET_TRY_STATUS(call->caller.require(action, resource_of(named)));
  std::vector<std::string> allowed;
  std::size_t count = 0;
  for (const archive::ArchivedTable& table : context->parts.archive->tables()) {
    ++count;
    if (!named.empty() ? table.name == named : call->caller.allows(action, resource_of(table.name)))
      allowed.push_back(table.name);
  }
  if (!named.empty() && allowed.empty()) {
    return Error(Code::kNotFound, 3830,
                 fmt::format("no table \"{}\" is archived: GET /v1/archive lists them", named));
  }
  // "Nothing is damaged" must not be the answer to a key that may look at nothing.
  if (count > 0 && allowed.empty()) FRESHET_TRY_STATUS(call->caller.require(action, "table/*"));
  return allowed;
}

void begin(const Context& context, const CallPointer& call, ArchiveWork work) {
  std::string action = fmt::format("archive:{}", name_of(work));
  auto tables = tables_of(context, call, action);
  if (!tables) return call->fail(tables.error());
  const HttpApiParts& parts = context->parts;
  io::Executor& executor =
      parts.archive_executor != nullptr ? *parts.archive_executor : parts.executor;
  auto job = context->archive_jobs.begin(*parts.archive, executor, work, call->caller.name(),
                                         *std::move(tables));
  if (!job) return call->fail(job.error());
  answer_job(call, (*job)->state());
}

}  // namespace

void list_archive(const Context& context, const CallPointer& call) {
  std::string json =
      fmt::format(R"({{"api":"v1","namespace":"{}","tables":[)", archive::kNamespace);
  bool first = true;
  for (const archive::ArchivedTable& table : context->parts.archive->tables()) {
    if (!call->caller.allows("archive:read", resource_of(table.name))) continue;
    if (!first) json += ',';
    first = false;
    json += json_of(table);
  }
  call->answer_json(json + "]}\n");
}

void list_archived_files(const Context& context, const CallPointer& call) {
  const std::string& name = call->target.segments[3];
  Status allowed = call->caller.require("archive:read", resource_of(name));
  if (!allowed) return call->fail(allowed.error());
  auto files = context->parts.archive->files(name);
  if (!files) return call->fail(files.error());
  std::string json = fmt::format(R"({{"api":"v1","table":{},"files":[)", json_text(name));
  for (std::size_t i = 0; i < files->size(); ++i) {
    const archive::ArchivedFile& file = (*files)[i];
    json += fmt::format(R"({}{{"url":{},"rows":{},"bytes":{}}})", i == 0 ? "" : ",",
                        json_text(file.url), file.rows, file.bytes);
  }
  call->answer_json(json + "]}\n");
}

void verify_archive(const Context& context, const CallPointer& call) {
  begin(context, call, ArchiveWork::kVerify);
}

void compact_archive(const Context& context, const CallPointer& call) {
  begin(context, call, ArchiveWork::kCompact);
}

void get_archive_job(const Context& context, const CallPointer& call) {
  auto job = context->archive_jobs.find(call->target.segments[3], call->caller.name());
  if (!job) return call->fail(job.error());
  answer_job(call, (*job)->state());
}

void stop_archive_job(const Context& context, const CallPointer& call) {
  auto job = context->archive_jobs.find(call->target.segments[3], call->caller.name());
  if (!job) return call->fail(job.error());
  (*job)->stop();
  answer_job(call, (*job)->state());
}

void flush_archive(const Context& context, const CallPointer& call) {
  if (Status allowed = call->caller.require("archive:flush", "server"); !allowed)
    return call->fail(allowed.error());
  if (Status flushed = context->parts.archive->flush(); !flushed)
    return call->fail(flushed.error());
  call->answer_json("{\"api\":\"v1\",\"flushed\":true}\n");
}

}  // namespace freshet::console
