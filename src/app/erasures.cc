#include "app/erasures.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/bytes.h"
#include "common/time_text.h"
#include "pipeline/event_fields.h"
#include "replay/all_tables.h"

namespace freshet::app {
namespace {

using console::EventSelection;

// Of a start: rewriting a log is read, decompressed, decoded and written; files are read twice.
constexpr std::uint64_t kBytesPerSecond = 60ull << 20;
// Events arrive later than they happen, and a camera's clock may be ahead by so much.
constexpr std::int64_t kClockAheadUs = 24ll * 3'600'000'000;

Result<std::uint64_t> bytes_in(io::Disk& disk, const std::string& folder) {
  auto names = disk.list(folder);
  if (!names && names.error().code() == Code::kNotFound) return std::uint64_t{0};
  if (!names) return std::move(names).error();
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    auto facts = disk.look_at(folder + "/" + name);
    if (!facts) continue;  // it has just gone
    if (facts->is_directory) {
      FRESHET_TRY(std::uint64_t inside, bytes_in(disk, folder + "/" + name));
      bytes += inside;
    } else {
      bytes += facts->bytes;
    }
  }
  return bytes;
}

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

bool has_column(const pipeline::TableInfo& info, std::string_view name, ColumnType type) {
  auto column = info.schema.find(name);
  return column && info.schema.columns[*column].type == type;
}

console::ErasureInfo info_of(catalog::ErasureRow row) {
  return {row.number,
          std::move(row.label),
          std::move(row.camera_id),
          row.from_us,
          row.to_us,
          row.state,
          row.asked_by,
          row.asked_us,
          row.changed_us,
          row.report};
}

console::HoldInfo info_of(const catalog::HoldRow& row) {
  return {row.name,      row.camera_id, row.from_us,   row.to_us,    !row.digest.empty(),
          row.placed_us, row.lifted_us, row.placed_by, row.lifted_by};
}

bool in_force(const catalog::HoldRow& hold) {
  return hold.lifted_us == 0;
}

Error held(const catalog::HoldRow& hold) {
  return {Code::kDenied, 3851,
          fmt::format("hold \"{}\", placed {} by {}, covers some of these events: nothing is "
                      "erased before it is lifted (freshet hold lift {})",
                      hold.name, format_rfc3339_us(hold.placed_us), hold.placed_by, hold.name)};
}

std::string bytes_of(EventId digest) {
  std::string bytes(pipeline::ErasedIds::kDigestBytes, '\0');
  store_le(bytes.data(), digest.high);
  store_le(bytes.data() + 8, digest.low);
  return bytes;
}

// The lines of a CSV answer behind its header; no field has a comma, quote or line break.
std::vector<std::vector<std::string_view>> lines_of(std::string_view csv) {
  std::vector<std::vector<std::string_view>> lines;
  bool is_header = true;
  while (!csv.empty()) {
    std::string_view line = csv.substr(0, csv.find('\n'));
    csv.remove_prefix(std::min(csv.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!std::exchange(is_header, false) && !line.empty()) {
      auto& fields = lines.emplace_back();
      for (;;) {
        std::size_t comma = line.find(',');
        fields.push_back(line.substr(0, comma));
        if (comma == line.npos) break;
        line.remove_prefix(comma + 1);
      }
    }
  }
  return lines;
}

}  // namespace

// What tables hold of a selection now.
struct Erasures::Found {
  std::uint64_t rows = 0;
  std::string digests;
  std::optional<catalog::HoldRow> hold;  // that covers some of it
  // Of the first row.
  std::string camera_id;
  std::int64_t event_us = 0, arrival_us = 0;
};

Erasures::Erasures(const Config& config, pipeline::Runner& runner, query::Engine& engine,
                   archive::Archive* archive, io::Disk& disk, io::Clock& clock,
                   std::function<void()> begin_again)
    : config_(config),
      runner_(runner),
      engine_(engine),
      archive_(archive),
      disk_(disk),
      clock_(clock),
      begin_again_(std::move(begin_again)) {}

EventId Erasures::id_of(const std::string& text) const {
  if (auto id = pipeline::parse_uuid_or_ulid(text)) return *id;
  return pipeline::hash_id(text, runner_.catalog().id_seed());
}

Result<Erasures::Found> Erasures::find(const EventSelection& selection) {
  catalog::Catalog& catalog = runner_.catalog();
  FRESHET_TRY(auto holds, catalog.holds());
  std::string key = catalog.erasure_key();
  pipeline::ErasedIds ids(key);
  Found found;
  std::string id;
  if (!selection.id.empty()) {
    EventId one = id_of(selection.id);
    id = pipeline::event_id_text(one);
    ids.add(one);
    if (const auto* hold = pipeline::hold_on(holds, "", 0, pipeline::digest_of(one, key)))
      found.hold = *hold;
  }
  for (const catalog::HoldRow& hold : holds) {
    bool overlaps = in_force(hold) && hold.digest.empty() && selection.id.empty() &&
                    hold.camera_id == selection.camera_id && hold.from_us < selection.to_us &&
                    selection.from_us < hold.to_us;
    if (overlaps) found.hold = hold;
  }
  // Those that replays have filled, too.
  std::vector<pipeline::TableInfo> tables = replay::AllTables(runner_.tables(), archive_).tables();
  std::set<std::string> reached;
  if (archive_ != nullptr) {
    for (const archive::ArchivedTable& table : archive_->tables()) reached.insert(table.name);
  }
  FRESHET_TRY(auto archived, catalog.archive_tables());
  for (const catalog::ArchiveTableRow& row : archived) {
    bool is_reached = reached.contains(row.name);
    if (is_reached || row.boundary == Position{}) continue;
    return Error(Code::kInvalid, 3858,
                 fmt::format("table {} is in the archive at {} and cannot be reached: {}; nothing "
                             "is erased by halves",
                             row.name, row.location,
                             archive_ == nullptr ? "set [archive] url"
                                                 : "no pipeline is configured to fill it"));
  }
  for (const pipeline::TableInfo& info : tables) {
    if (info.name.find('$') != std::string::npos) continue;
    bool has_all = has_column(info, "detection_id", ColumnType::kUuid) &&
                   has_column(info, "camera_id", ColumnType::kText) &&
                   has_column(info, "event_time", ColumnType::kTimestamp);
    if (!has_all && archive_ != nullptr) {
      return Error(Code::kInvalid, 3853,
                   fmt::format("table {} is archived and lacks one of the columns detection_id, "
                               "camera_id and event_time, so its rows cannot be told apart and "
                               "nothing is erased; select them in the pipeline's SQL",
                               info.name));
    }
    // What a replay has filled is counted where it came from.
    if (!has_all || info.pipeline.empty()) continue;
    query::SqlRequest request;
    request.format = sql::AnswerFormat::kCsv;
    request.allows = [](std::string_view) { return true; };
    // The camera's id is text of a client's: in hexadecimal it needs no quoting.
    std::string columns =
        "CAST(detection_id AS VARCHAR), epoch_us(event_time), epoch_us(ingest_time), "
        "hex(encode(camera_id))";
    if (selection.id.empty()) {
      request.sql = fmt::format(
          "SELECT {} FROM {} WHERE camera_id = $camera AND event_time >= make_timestamptz($from) "
          "AND event_time < make_timestamptz($to)",
          columns, quoted(info.name));
      request.parameters["camera"] = selection.camera_id;
      request.parameters["from"] = selection.from_us;
      request.parameters["to"] = selection.to_us;
    } else {
      request.sql = fmt::format("SELECT {} FROM {} WHERE detection_id = CAST($id AS UUID)", columns,
                                quoted(info.name));
      request.parameters["id"] = id;
    }
    auto answer = engine_.run(request);
    if (!answer)
      return std::move(answer).error().with_context("what is to be erased cannot be counted");
    for (const auto& fields : lines_of(answer->answer.text)) {
      if (fields.size() != 4) return Error(Code::kInternal, "an answer of another shape");
      auto event_id = pipeline::parse_uuid_or_ulid(fields[0]);
      std::int64_t time_us = std::atoll(std::string(fields[1]).c_str());
      std::string camera = from_hex(fields[3]).value_or("");
      ++found.rows;
      if (found.rows == 1) {
        found.camera_id = camera;
        found.event_us = time_us;
        found.arrival_us = std::atoll(std::string(fields[2]).c_str());
      }
      std::optional<EventId> digest;
      if (event_id) {
        ids.add(*event_id);
        digest = pipeline::digest_of(*event_id, key);
      }
      if (const auto* hold = pipeline::hold_on(holds, camera, time_us, digest)) found.hold = *hold;
    }
  }
  found.digests = ids.digests();
  return found;
}

Result<console::ErasurePlan> Erasures::plan(const EventSelection& selection) {
  FRESHET_TRY(Found found, find(selection));
  if (found.hold) return held(*found.hold);
  console::ErasurePlan plan;
  plan.label = selection.id.empty() ? selection.camera_id : selection.id;
  plan.rows = found.rows;
  FRESHET_TRY(plan.log_bytes, bytes_in(disk_, config_.data_directory + "/log"));
  if (archive_ != nullptr) {
    for (const archive::ArchivedTable& table : archive_->tables()) {
      plan.archive_files += table.files;
      plan.archive_bytes += table.bytes;
    }
  }
  plan.seconds =
      1 + static_cast<std::int64_t>((plan.log_bytes + plan.archive_bytes) / kBytesPerSecond);
  return plan;
}

Result<console::ErasureInfo> Erasures::begin(const EventSelection& selection,
                                             const std::string& by) {
  if (!begin_again_) {
    return Error(Code::kUnsupported, 3854,
                 "this server cannot start itself anew, which an erasure needs: use freshet serve");
  }
  FRESHET_TRY(Found found, find(selection));
  if (found.hold) return held(*found.hold);
  catalog::ErasureRow row;
  // An id must stand nowhere, here neither.
  row.label = selection.id.empty() ? selection.camera_id : "one id";
  row.camera_id = selection.id.empty() ? selection.camera_id : "";
  row.from_us = selection.from_us;
  row.to_us = selection.to_us;
  row.digests = std::move(found.digests);
  row.state = "asked";
  row.asked_us = row.changed_us = clock_.wall_us();
  row.asked_by = by;
  FRESHET_TRY(row.number, runner_.catalog().add_erasure(row));
  begin_again_();
  return info_of(std::move(row));
}

Result<std::vector<console::ErasureInfo>> Erasures::erasures() {
  FRESHET_TRY(auto rows, runner_.catalog().erasures());
  std::vector<console::ErasureInfo> infos;
  for (catalog::ErasureRow& row : rows) infos.push_back(info_of(std::move(row)));
  return infos;
}

Result<std::vector<console::HoldInfo>> Erasures::holds() {
  FRESHET_TRY(auto rows, runner_.catalog().holds());
  std::vector<console::HoldInfo> infos;
  for (const catalog::HoldRow& row : rows) infos.push_back(info_of(row));
  return infos;
}

Result<console::HoldInfo> Erasures::place_hold(const std::string& name,
                                               const EventSelection& selection,
                                               const std::string& by) {
  catalog::HoldRow row;
  row.name = name;
  row.camera_id = selection.camera_id;
  row.from_us = selection.from_us;
  row.to_us = selection.to_us;
  row.arrived_from_us = selection.from_us - kClockAheadUs;
  if (!selection.id.empty()) {
    FRESHET_TRY(Found found, find(selection));
    if (found.rows == 0) {
      return Error(Code::kNotFound, 3855,
                   "no row has this id, so there is nothing to hold; a hold by camera and time "
                   "covers what is still to come");
    }
    row.digest =
        bytes_of(pipeline::digest_of(id_of(selection.id), runner_.catalog().erasure_key()));
    row.camera_id = found.camera_id;
    row.from_us = found.event_us;
    row.to_us = found.event_us + 1;
    row.arrived_from_us = found.arrival_us;
  }
  row.placed_us = clock_.wall_us();
  row.placed_by = by;
  FRESHET_TRY(row.number, runner_.catalog().add_hold(row));
  FRESHET_TRY_STATUS(runner_.apply_holds());
  return info_of(row);
}

Status Erasures::lift_hold(const std::string& name, const std::string& by) {
  FRESHET_TRY_STATUS(runner_.catalog().lift_hold(name, clock_.wall_us(), by));
  return runner_.apply_holds();
}

}  // namespace freshet::app
