// The calls of the HTTP API, one source each; http_api.cc is the table of them. All run on the
// executor but events' last step, which a shard thread may run where the executor is full.
#pragma once

#include <atomic>

#include "server/console/archive_jobs.h"
#include "server/console/call.h"
#include "server/console/http_api.h"

namespace freshet::console {

// What calls share.
struct CallContext {
  HttpApiParts parts;
  std::atomic<std::uint32_t> tails_waiting{0};
  ArchiveJobs archive_jobs;
};
using Context = std::shared_ptr<CallContext>;

void run_sql(const Context& context, const CallPointer& call);
void put_events(const Context& context, const CallPointer& call);
void explain_event(const Context& context, const CallPointer& call);
void tail_table(const Context& context, const CallPointer& call);
void list_tables(const Context& context, const CallPointer& call);
void list_references(const Context& context, const CallPointer& call);
void get_reference(const Context& context, const CallPointer& call);
void list_reference_versions(const Context& context, const CallPointer& call);
void put_reference(const Context& context, const CallPointer& call);
void diff_reference(const Context& context, const CallPointer& call);

// These find erasures in the parts.
void begin_erasure(const Context& context, const CallPointer& call);
void list_erasures(const Context& context, const CallPointer& call);
void get_erasure(const Context& context, const CallPointer& call);
void list_holds(const Context& context, const CallPointer& call);
void place_hold(const Context& context, const CallPointer& call);
void lift_hold(const Context& context, const CallPointer& call);
// These find replays in the parts.
void begin_replay(const Context& context, const CallPointer& call);
void get_replay(const Context& context, const CallPointer& call);
void stop_replay(const Context& context, const CallPointer& call);

// These find an archive in the parts.
void list_archive(const Context& context, const CallPointer& call);
void list_archived_files(const Context& context, const CallPointer& call);
void verify_archive(const Context& context, const CallPointer& call);
void compact_archive(const Context& context, const CallPointer& call);
void flush_archive(const Context& context, const CallPointer& call);
void get_archive_job(const Context& context, const CallPointer& call);
void stop_archive_job(const Context& context, const CallPointer& call);
void get_iceberg_config(const Context& context, const CallPointer& call);
void list_iceberg_namespaces(const Context& context, const CallPointer& call);
void get_iceberg_namespace(const Context& context, const CallPointer& call);
void list_iceberg_tables(const Context& context, const CallPointer& call);
void load_iceberg_table(const Context& context, const CallPointer& call);
void find_iceberg_table(const Context& context, const CallPointer& call);
void take_iceberg_metrics(const Context& context, const CallPointer& call);

// The answer's format that the Accept header asks for. kInvalid FRS-5105.
struct Acceptable {
  sql::AnswerFormat format = sql::AnswerFormat::kJson;
  std::string_view content_type;
};
Result<Acceptable> acceptable_format(const http::Request& request);

}  // namespace freshet::console
