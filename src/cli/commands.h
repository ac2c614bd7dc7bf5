// What each command does; one source file a command. The table is in command_table.cc.
#pragma once

#include "cli/command.h"

namespace freshet::cli {

Result<ExitCode> run_archive_compact(const Invocation& invocation);
Result<ExitCode> run_archive_flush(const Invocation& invocation);
Result<ExitCode> run_archive_ls(const Invocation& invocation);
Result<ExitCode> run_archive_verify(const Invocation& invocation);
Result<ExitCode> run_bench_dedup(const Invocation& invocation);
Result<ExitCode> run_bench_history(const Invocation& invocation);
Result<ExitCode> run_bench_ingest(const Invocation& invocation);
Result<ExitCode> run_bench_read(const Invocation& invocation);
Result<ExitCode> run_bench_recover(const Invocation& invocation);
Result<ExitCode> run_bench_sql(const Invocation& invocation);
Result<ExitCode> run_completion(const Invocation& invocation);
Result<ExitCode> run_config_check(const Invocation& invocation);
Result<ExitCode> run_config_schema(const Invocation& invocation);
Result<ExitCode> run_config_show(const Invocation& invocation);
Result<ExitCode> run_demo(const Invocation& invocation);
Result<ExitCode> run_erase(const Invocation& invocation);
Result<ExitCode> run_erase_ls(const Invocation& invocation);
Result<ExitCode> run_erase_show(const Invocation& invocation);
Result<ExitCode> run_explain(const Invocation& invocation);
Result<ExitCode> run_help(const Invocation& invocation);
Result<ExitCode> run_hold_add(const Invocation& invocation);
Result<ExitCode> run_hold_lift(const Invocation& invocation);
Result<ExitCode> run_hold_ls(const Invocation& invocation);
Result<ExitCode> run_ingest(const Invocation& invocation);
Result<ExitCode> run_inspect(const Invocation& invocation);
Result<ExitCode> run_ref_diff(const Invocation& invocation);
Result<ExitCode> run_ref_get(const Invocation& invocation);
Result<ExitCode> run_ref_history(const Invocation& invocation);
Result<ExitCode> run_ref_put(const Invocation& invocation);
Result<ExitCode> run_replay(const Invocation& invocation);
Result<ExitCode> run_serve(const Invocation& invocation);
Result<ExitCode> run_sql(const Invocation& invocation);
Result<ExitCode> run_tail(const Invocation& invocation);
Result<ExitCode> run_top(const Invocation& invocation);
Result<ExitCode> run_version(const Invocation& invocation);

}  // namespace freshet::cli
