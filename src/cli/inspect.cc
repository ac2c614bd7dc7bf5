#include "log/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "cli/json.h"
#include "common/time_text.h"
#include "io/disk.h"

namespace freshet::cli {
namespace {

namespace fs = std::filesystem;

// The journals of a data directory, or the one that the folder itself is.
std::vector<std::string> journal_folders(const std::string& directory) {
  std::vector<std::string> folders;
  std::error_code failed;
  for (fs::directory_iterator it(directory + "/log", failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->is_directory()) folders.push_back(it->path().string());
  }
  std::sort(folders.begin(), folders.end());
  if (folders.empty()) folders.push_back(directory);
  return folders;
}

std::string_view state_name(log::InspectedSegment::State state) {
  using State = log::InspectedSegment::State;
  switch (state) {
    case State::kUsed:
      return "used";
    case State::kReady:
      return "ready";
    case State::kVoid:
      return "void";
    case State::kFree:
      return "free";
    case State::kPreparing:
      return "preparing";
    case State::kDamagedHeader:
      return "damaged_header";
    case State::kForeign:
      return "foreign";
  }
  return "unknown";
}

std::string_view area_name(log::InspectedArea::Kind kind) {
  using Kind = log::InspectedArea::Kind;
  switch (kind) {
    case Kind::kDamage:
      return "damage";
    case Kind::kTornTail:
      return "torn_tail";
    case Kind::kReplaced:
      return "replaced";
  }
  return "unknown";
}

// A list of JSON objects, one for each item.
template <typename T, typename ToJson>
std::string json_list(const std::vector<T>& items, ToJson to_json) {
  std::string out = "[";
  for (const T& item : items) out += (out.size() > 1 ? "," : "") + to_json(item);
  return out + "]";
}

std::string segment_json(const log::InspectedSegment& segment) {
  std::string areas = json_list(segment.bad_areas, [](const log::InspectedArea& area) {
    return fmt::format("{{\"kind\":\"{}\",\"offset\":{},\"bytes\":{}}}", area_name(area.kind),
                       area.offset, area.bytes);
  });
  std::string blocks = json_list(segment.listed_blocks, [](const log::InspectedBlock& block) {
    return fmt::format("{{\"offset\":{},\"sequence\":{},\"first_position\":{},\"records\":{}}}",
                       block.offset, block.header.sequence, block.header.base_position,
                       block.header.record_count);
  });
  return fmt::format(
      "{{\"path\":{},\"state\":\"{}\",\"file_bytes\":{},\"used_bytes\":{},\"blocks\":{},"
      "\"records\":{},\"first_position\":{},\"last_position\":{},\"first_arrival\":{},"
      "\"last_arrival\":{},\"bad_areas\":{},\"listed_blocks\":{},\"remark\":{}}}",
      json_string(segment.path), state_name(segment.state), segment.file_bytes, segment.used_bytes,
      segment.blocks, segment.records, segment.first_position, segment.last_position,
      json_string(format_rfc3339_us(segment.first_arrival_us)),
      json_string(format_rfc3339_us(segment.last_arrival_us)), areas, blocks,
      json_string(segment.remark));
}

std::string journal_json(const log::InspectedJournal& journal) {
  return fmt::format(
      "{{\"directory\":{},\"durable_sequence\":{},\"last_sequence\":{},\"last_position\":{},"
      "\"torn_tail_bytes\":{},\"damaged_areas\":{},\"segments\":{}}}",
      json_string(journal.directory), journal.durable_sequence, journal.last_sequence,
      journal.last_position, journal.torn_tail_bytes, journal.damaged_areas,
      json_list(journal.segments, segment_json));
}

}  // namespace

Result<ExitCode> run_inspect(const Invocation& invocation) {
  Output& output = invocation.output();
  log::InspectOptions options;
  options.blocks = invocation.has("blocks");
  std::vector<log::InspectedJournal> journals;
  std::uint64_t damaged = 0;
  for (const std::string& folder : journal_folders(invocation.arguments().at(0))) {
    FRESHET_TRY(auto journal, log::inspect_journal(io::system_disk(), folder, options));
    damaged += journal.damaged_areas;
    journals.push_back(std::move(journal));
  }
  if (output.json()) {
    output.write_line(
        fmt::format("{{\"api\":\"v1\",\"journals\":{}}}", json_list(journals, journal_json)));
  } else {
    for (const log::InspectedJournal& journal : journals) {
      for (const std::string& line : log::describe_journal(journal)) output.write_line(line);
    }
  }
  return damaged > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace freshet::cli
