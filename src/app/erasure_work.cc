#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/erasure_scan.h"
#include "app/erasures.h"
#include "aws/sha256.h"
#include "common/logging.h"
#include "common/time_text.h"
#include "log/erase.h"

namespace freshet::app {
namespace {

using catalog::Catalog;
using catalog::ErasureRow;

// What is in the folder, and the folders in it; they stay, empty.
Status remove_files_in(io::Disk& disk, const std::string& folder) {
  auto names = disk.list(folder);
  if (!names && names.error().code() == Code::kNotFound) return ok();
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    std::string path = folder + "/" + name;
    FRESHET_TRY(io::FileFacts facts, disk.look_at(path));
    FRESHET_TRY_STATUS(facts.is_directory ? remove_files_in(disk, path)
                                          : io::remove_if_there(disk, path));
  }
  return disk.sync_directory(folder);
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) {
    std::string escaped;
    for (char c : text) escaped += c == '"' || c == '\\' || c < ' ' ? '?' : c;
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ",", escaped);
  }
  return '[' + list + ']';
}

Error hold_refuses(const std::string& hold) {
  return {Code::kDenied, 3851,
          fmt::format("hold \"{}\" covers events of this erasure: nothing was erased; lift it "
                      "first (freshet hold lift)",
                      hold)};
}

}  // namespace

ErasureWork::ErasureWork(const Config& config, io::Disk& disk, io::Clock& clock)
    : config_(config), disk_(disk), clock_(clock) {}

pipeline::DecodeConfig ErasureWork::decode_config(Catalog& catalog) const {
  pipeline::DecodeConfig decode;
  decode.id_seed = catalog.id_seed();
  return decode;
}

pipeline::ErasureRules ErasureWork::rules_of(Catalog& catalog, const ErasureRow& row) const {
  pipeline::ErasureRules rules(catalog.erasure_key());
  rules.add(row);
  return rules;
}

Result<std::vector<std::string>> ErasureWork::journals() const {
  std::string log = config_.data_directory + "/log";
  auto names = disk_.list(log);
  if (!names && names.error().code() == Code::kNotFound) return std::vector<std::string>();
  if (!names) return std::move(names).error();
  for (std::string& name : *names) name = log + "/" + name;
  return *std::move(names);
}

// Then a look at the data directory is one at the archive.
bool ErasureWork::lies_in_data_directory(archive::Archive& archive) const {
  std::error_code failed;
  auto folder = std::filesystem::weakly_canonical(config_.data_directory, failed);
  std::string prefix = "file://" + folder.string() + "/";
  for (const archive::ArchivedTable& table : archive.tables()) {
    if (failed || !table.location.starts_with(prefix)) return false;
  }
  return true;
}

Status ErasureWork::note(Catalog& catalog, ErasureRow& row, const char* state) {
  row.state = state;
  row.changed_us = clock_.wall_us();
  return catalog.update_erasure(row);
}

Status ErasureWork::before_log(Catalog& catalog) {
  FRESHET_TRY(auto rows, catalog.erasures());
  for (ErasureRow& row : rows) {
    if (row.state == "asked") FRESHET_TRY_STATUS(collect(catalog, row));
    if (row.state == "collected") FRESHET_TRY_STATUS(erase_from_log(catalog, row));
  }
  return ok();
}

// Which ids it is about, before the first of them is gone: what else carries one of them goes too,
// wherever it says it is from.
Status ErasureWork::collect(Catalog& catalog, ErasureRow& row) {
  log_info("an erasure begins", {{"number", row.number}});
  FRESHET_TRY(auto holds, catalog.holds());
  FRESHET_TRY(auto folders, journals());
  pipeline::ErasureRules rules = rules_of(catalog, row);
  pipeline::ErasedIds found = rules.ids;
  {
    pipeline::Eraser eraser(decode_config(catalog), rules);
    for (const std::string& folder : folders) {
      FRESHET_TRY_STATUS(log::visit_journal_files(disk_, folder, [&](const log::Record& record) {
        eraser.look(record, [&](const pipeline::JudgedEvent& event, std::string_view) {
          if (event.id) found.add(*event.id);
        });
        return ok();
      }));
    }
  }
  rules.ids = std::move(found);
  std::uint64_t events = 0, bytes = 0;
  const catalog::HoldRow* hold = nullptr;
  pipeline::Eraser eraser(decode_config(catalog), rules);
  for (const std::string& folder : folders) {
    FRESHET_TRY_STATUS(log::visit_journal_files(disk_, folder, [&](const log::Record& record) {
      eraser.look(record, [&](const pipeline::JudgedEvent& event, std::string_view json) {
        ++events;
        bytes += json.size();
        std::optional<EventId> digest;
        if (event.id) digest = pipeline::digest_of(*event.id, catalog.erasure_key());
        if (hold == nullptr)
          hold = pipeline::hold_on(holds, event.camera_id, event.time_us, digest);
      });
      return ok();
    }));
  }
  if (hold != nullptr) {
    Error why = hold_refuses(hold->name);
    log_warning("an erasure is refused", {{"number", row.number}, {"error", why.to_string()}});
    row.digests.clear();
    row.report = fmt::format("{{\"refused\":\"FRS-{}\",\"hold\":{}}}", why.number(),
                             json_list({hold->name}));
    return note(catalog, row, "refused");
  }
  row.digests = rules.ids.digests();
  row.report = fmt::format("\"ids\":{},\"log\":{{\"events\":{},\"bytes\":{}}}", rules.ids.size(),
                           events, bytes);
  return note(catalog, row, "collected");
}

Status ErasureWork::erase_from_log(Catalog& catalog, ErasureRow& row) {
  // They are made of the log, and hold what it held: the next replay makes them again.
  FRESHET_TRY_STATUS(remove_files_in(disk_, config_.data_directory + "/checkpoint"));
  FRESHET_TRY_STATUS(remove_files_in(disk_, config_.data_directory + "/ids"));
  FRESHET_TRY_STATUS(remove_files_in(disk_, config_.data_directory + "/replay"));
  pipeline::ErasureRules rules = rules_of(catalog, row);
  pipeline::Eraser eraser(decode_config(catalog), rules);
  FRESHET_TRY(auto folders, journals());
  log::LogErasure erased;
  for (const std::string& folder : folders) {
    FRESHET_TRY(log::LogErasure one,
                log::erase_records(disk_, folder, [&](const log::Record& record) {
                  return eraser.erase(record);
                }));
    erased.segments += one.segments;
    erased.segments_rewritten += one.segments_rewritten;
  }
  row.report += fmt::format(",\"segments\":{},\"segments_rewritten\":{}", erased.segments,
                            erased.segments_rewritten);
  return note(catalog, row, "archive");
}

Status ErasureWork::behind_log(Catalog& catalog, archive::Archive* archive) {
  FRESHET_TRY(auto rows, catalog.erasures());
  for (ErasureRow& row : rows) {
    if (row.state == "archive") FRESHET_TRY_STATUS(finish(catalog, archive, row));
  }
  return ok();
}

Status ErasureWork::finish(Catalog& catalog, archive::Archive* archive, ErasureRow& row) {
  FRESHET_TRY(auto tables, catalog.archive_tables());
  bool has_files = std::any_of(tables.begin(), tables.end(),
                               [](const auto& table) { return table.boundary > Position{}; });
  if (archive == nullptr && has_files) {
    log_error("an erasure is not complete: there are archived tables, and [archive] url is not set",
              {{"number", row.number}});
    return ok();
  }
  pipeline::ErasureRules rules = rules_of(catalog, row);
  pipeline::Eraser eraser(decode_config(catalog), rules);
  std::string part;
  if (archive != nullptr) {
    auto judge = [&](std::string_view table, const sql::JudgedRow& judged) {
      return eraser.judge_row(table, judged.id, judged.camera, judged.time_us, judged.raw);
    };
    auto in_files = [&](Error error) {
      return std::move(error).with_context(
          fmt::format("erasure {} cannot go on in the archive, and no door opens before it is "
                      "complete; start again when this is settled",
                      row.number));
    };
    auto erased = archive->erase(judge);
    if (!erased) return in_files(std::move(erased).error());
    auto again = archive->erase(judge);
    if (!again) return in_files(std::move(again).error());
    part = fmt::format(
        ",\"archive\":{{\"files\":{},\"files_rewritten\":{},\"rows\":{},\"objects_removed\":{},"
        "\"rows_left\":{}}}",
        erased->files, erased->files_rewritten, erased->rows, erased->objects_removed, again->rows);
  }
  ScanReport scan;
  std::string log = config_.data_directory + "/log";
  FRESHET_TRY_STATUS(scan_folder(disk_, config_.data_directory, rules.ids, log, scan));
  if (archive != nullptr) {
    FRESHET_TRY_STATUS(archive->visit_bounds([&](const std::string& url, const std::string& bytes) {
      if (holds_an_id(bytes, rules.ids, ScanForms::kFiles)) scan.found_in.push_back(url);
      return ok();
    }));
  }
  if (archive != nullptr && !lies_in_data_directory(*archive)) {
    FRESHET_TRY_STATUS(
        archive->visit_objects([&](const std::string& name, const std::string& bytes) {
          ++scan.files;
          scan.bytes += bytes.size();
          if (holds_an_id(bytes, rules.ids, ScanForms::kFiles)) scan.found_in.push_back(name);
          return ok();
        }));
  }
  // Compressed blocks, opened. Events that stay may name an erased one in a field of their own.
  std::uint64_t events_left = 0, mentions = 0;
  FRESHET_TRY(auto folders, journals());
  for (const std::string& folder : folders) {
    FRESHET_TRY_STATUS(log::visit_journal_files(disk_, folder, [&](const log::Record& record) {
      eraser.look(record, [&](const auto&, std::string_view) { ++events_left; });
      if (holds_an_id(record.data, rules.ids, ScanForms::kTexts) ||
          holds_an_id(record.partition_key, rules.ids, ScanForms::kTexts))
        ++mentions;
      return ok();
    }));
  }
  std::string body = fmt::format(
      "{}{},\"scan\":{{\"files\":{},\"bytes\":{},\"found_in\":{},\"log_events_left\":{},"
      "\"log_mentions\":{}}},\"finished\":\"{}\"",
      row.report, part, scan.files, scan.bytes, json_list(scan.found_in), events_left, mentions,
      format_rfc3339_us(clock_.wall_us()));
  row.report = fmt::format("{{{},\"sha256\":\"{}\"}}", body, aws::sha256_hex(body));
  FRESHET_TRY_STATUS(note(catalog, row, "done"));
  if (scan.found_in.empty() && mentions == 0 && events_left == 0) {
    log_info("an erasure is complete", {{"number", row.number}});
  } else {
    log_error(
        "an erasure is complete, and ids of it stand somewhere yet: freshet erase show",
        {{"number", row.number}, {"files", scan.found_in.size()}, {"log_mentions", mentions}});
  }
  return ok();
}

}  // namespace freshet::app
