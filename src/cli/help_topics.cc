#include <fmt/format.h>

#include <charconv>

#include "cli/help.h"

namespace freshet::cli {
namespace {

constexpr Topic kTopics[] = {
    {"exit-codes", "what the program tells its shell",
     "  0    done\n"
     "  1    failed; archive verify: files are damaged\n"
     "  2    wrong usage; ref diff: there are differences\n"
     "  3    what was named is not there\n"
     "  4    not allowed\n"
     "  5    the server cannot be reached, is busy, or took too long\n"
     "  6    partly done: some events were refused, or an answer lacks rows (--partial)\n"
     "  130  interrupted\n"},
    {"environment", "variables that are read",
     "  FRESHET_CONFIG      configuration file of serve and config\n"
     "  FRESHET_SERVER      URL of the server, for sql, tail, ingest, explain, ref, archive,\n"
     "                      top\n"
     "  FRESHET_TOKEN_FILE  a file with KEYID.SECRET, for a server with keys\n"
     "  FRESHET_A__B_C      the configuration's key a.b_c: FRESHET_LIMITS__MEMORY=4GiB\n"
     "  NO_COLOR, TERM      colours are shown on a terminal unless NO_COLOR is set or TERM is "
     "dumb\n"
     "Secrets are never taken from a variable or a flag, only from files.\n"},
    {"output", "what goes where, and how to read it by program",
     "Results go to stdout, all else to stderr. --json gives versioned objects,\n"
     "{\"api\":\"v1\",…}, which are only ever extended; errors too, on stderr. --plain gives\n"
     "tab-separated lines without a header. -q leaves results and errors, -v says more.\n"},
    {"units", "durations, sizes and times",
     "  durations  500ms, 15m, 1h30m, 24h, 7d\n"
     "  sizes      64MiB, 8GiB (powers of 1024), 800GB (of 1000), or bytes\n"
     "  times      RFC 3339 with a zone: 2026-11-22T10:00:00Z; answers are in UTC\n"},
    {"config", "the server's configuration",
     "One TOML file, then conf.d/*.toml beside it, then FRESHET_… variables, then flags.\n"
     "freshet config schema lists every key; freshet config show --origin prints every value and\n"
     "where it came from; freshet config check FILE tries a file.\n"},
};

struct ErrorCode {
  int number;
  std::string_view text;
};

// The numbers of which there is more to say than the message does.
constexpr ErrorCode kErrorCodes[] = {
    {1001, "The command line is not understood. freshet COMMAND --help shows what it takes."},
    {1101, "A configuration file cannot be read. Check its path and who may read it."},
    {1102,
     "A configuration file is not TOML. The line named is where reading stopped; a missing "
     "quote or bracket often stands one line above."},
    {1103, "A key has a value of the wrong type: a size or duration wants quotes, a count none."},
    {1104, "A key is not known. freshet config schema lists all there are."},
    {1105, "A value is badly written or out of range. The message gives the bounds or an example."},
    {1106, "A section lacks a key that it must have."},
    {1107, "Two keys do not fit each other. The message names both; change one."},
    {1108,
     "A door is open to other machines though no key is configured. Add an [auth.keys.NAME] "
     "with a secret_file, or listen on 127.0.0.1."},
    {1109,
     "A secret file cannot be used. It holds the secret in its first line and is readable by "
     "its owner alone (chmod 600)."},
    {1110, "The key belongs to the design but not to this version. Remove it for now."},
    {1351,
     "The data directory was written by a newer Freshet. Use that version, or a newer one; "
     "nothing was changed."},
    {1352, "The file named catalog.sqlite belongs to another program. Give another directory."},
    {1353, "The catalog is damaged. Restore it from a copy; the log beside it is untouched."},
    {1354,
     "Another process uses this data directory. Stop it first; each directory has one "
     "server."},
    {1355,
     "SQLite or the operating system refused to read or write the catalog. The message says "
     "what."},
    {3450,
     "A run of event ids on disk is cut or damaged. Stop the server, remove the folder ids of the "
     "data directory and its checkpoints, and start again: both are made again from the log."},
    {3451,
     "A run of event ids belongs to another data directory. Remove it: what it held is made again "
     "from the log."},
    {3452,
     "A run of event ids was written by another version of Freshet. Start that version, or remove "
     "the run to have it made again from the log."},
    {3453, "A checkpoint names more groups of runs of event ids than there can be: it is damaged."},
    {3454, "A checkpoint names runs of event ids, but there is no folder for them."},
    {3830, "No table of that name is archived. freshet archive ls lists those that are."},
    {3831,
     "No archive is configured. Set [archive] url to a folder, \"file:archive\", or to a bucket, "
     "\"s3://bucket/path\", and start the server again."},
    {5113,
     "The archive is at work on another verify or compact; one runs at a time. Try again when it "
     "is "
     "done, or end it: DELETE /v1/archive/jobs/ID."},
    {5115,
     "The Iceberg catalog is read-only: Freshet alone commits to its tables. Send events to their "
     "stream, and keep tables of your own in another catalog."},
};

struct ErrorClass {
  int first;
  std::string_view text;
};

constexpr ErrorClass kErrorClasses[] = {
    {1000, "11xx: configuration. 12xx: SQL of a pipeline. 13xx: reference tables and the catalog."},
    {2000,
     "2xxx: an event that is not as the schema wants it; it stands in TABLE$dead with its "
     "reason."},
    {3000, "3xxx: storage: the log, its segments, the disk."},
    {4000, "4xxx: access: signatures, keys, rights."},
    {5000, "5xxx: a query: its text, or a limit on memory, time or rows."},
    {9000, "9xxx: a mistake of Freshet itself. Please report it with the message and the log."},
};

}  // namespace

std::span<const Topic> topics() {
  return kTopics;
}

Result<std::string> error_code_text(std::string_view code) {
  if (code.starts_with("FRS-") || code.starts_with("frs-")) code.remove_prefix(4);
  int number = 0;
  std::from_chars(code.data(), code.data() + code.size(), number);
  std::string text;
  for (const ErrorCode& known : kErrorCodes) {
    if (known.number == number) text = fmt::format("FRS-{:04}: {}\n", number, known.text);
  }
  for (const ErrorClass& known : kErrorClasses) {
    if (number / 1000 == known.first / 1000) text += fmt::format("{}\n", known.text);
  }
  if (text.empty()) {
    return Error(Code::kNotFound, fmt::format("there is no error code FRS-{:04}", number));
  }
  return text;
}

}  // namespace freshet::cli
