#include "query/pinned_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"

namespace freshet::query {
namespace {

using Files = std::shared_ptr<const sql::ArchiveTable>;

bool has_files(const pipeline::ArchivedPart* part) {
  return part != nullptr && part->boundary != Position{};
}

const pipeline::ArchivedPart* archived_part(const KnownTable& table, const pipeline::Cut& cut) {
  auto part = cut.archived.find(table.name);
  return part == cut.archived.end() ? nullptr : &part->second;
}

Error unreachable(const KnownTable& table, const pipeline::ArchivedPart& part) {
  return {Code::kUnavailable, 5014,
          fmt::format("the archived rows of table {} (up to position {}) cannot be reached: {}; "
                      "ask for a partial answer to have the others",
                      table.name, part.boundary.value,
                      part.failure.empty() ? "the archive is being opened" : part.failure)};
}

// Memory may still hold rows that files have: it is read behind the boundary alone.
Status pin_parts(const KnownTable& table, const hot::Snapshot& rows,
                 const pipeline::ArchivedPart* part, const Files& files, Pinned& pinned) {
  if (!has_files(part)) {
    pinned.relations[table.name] = std::make_shared<pipeline::HotRelation>(rows);
    return ok();
  }
  if (files == nullptr) {
    Error error = unreachable(table, *part);
    if (!pinned.is_partial) return error;
    pinned.missing.push_back({table.name, "", part->boundary, std::nullopt, error.to_string()});
  }
  hot::RowNumber first = pipeline::first_row_at(rows, Position{part->boundary.value + 1});
  pinned.relations[table.name] = std::make_shared<pipeline::HotRelation>(rows.from(first));
  if (files != nullptr) pinned.archives[table.name] = files;
  return ok();
}

// Which rows are of then: rows are never changed in memory, so those up to a position, or a time of
// arrival.
Result<sql::ArchiveTable::Last> last_of(const KnownTable& table, const pipeline::Cut& cut,
                                        const PastMoment& moment) {
  if (moment.as_of_us) return sql::ArchiveTable::Last{"ingest_time", *moment.as_of_us};
  auto point = moment.cut.find(table.stream);
  if (point == moment.cut.end()) {
    return Error(
        Code::kInvalid, 5018,
        fmt::format("the cut says nothing of stream {}, which fills {}", table.stream, table.name));
  }
  Position position = point->second.position;
  if (position > cut.position) {
    return Error(Code::kInvalid, 5015,
                 fmt::format("position {} of stream {} is not there yet: give it as \"after\" to "
                             "wait for it",
                             position.value, table.stream));
  }
  return sql::ArchiveTable::Last{"position", static_cast<std::int64_t>(position.value)};
}

pipeline::ArchiveMoment archive_moment(const KnownTable& table, const pipeline::Cut& cut,
                                       const PastMoment& moment,
                                       const sql::ArchiveTable::Last& last) {
  if (moment.as_of_us)
    return {std::nullopt, *moment.as_of_us, std::numeric_limits<std::int64_t>::max()};
  const std::vector<std::uint32_t>& rewrites = moment.cut.find(table.stream)->second.rewrites;
  auto index =
      static_cast<std::size_t>(std::distance(cut.archived.begin(), cut.archived.find(table.name)));
  return {index < rewrites.size() ? rewrites[index] : 0, 0, last.value};
}

}  // namespace

CutPoint cut_point_of(const pipeline::Cut& cut) {
  CutPoint point{cut.position, cut.ref_version, {}};
  for (const auto& [name, part] : cut.archived) point.rewrites.push_back(part.rewrites);
  while (!point.rewrites.empty() && point.rewrites.back() == 0) point.rewrites.pop_back();
  return point;
}

Status pin_table(const KnownTable& table, const pipeline::Cut& cut, const hot::Snapshot& rows,
                 Pinned& pinned) {
  const pipeline::ArchivedPart* part = archived_part(table, cut);
  return pin_parts(table, rows, part, part == nullptr ? nullptr : part->files, pinned);
}

Status pin_past_table(const KnownTable& table, const pipeline::Cut& cut, const PastMoment& moment,
                      Pinned& pinned) {
  const pipeline::ArchivedPart* part = archived_part(table, cut);
  if (part == nullptr) {
    return Error(Code::kInvalid, 5016,
                 fmt::format("table {} is not archived, so rows that it has lost since cannot be "
                             "shown: set [archive] url",
                             table.name));
  }
  FRESHET_TRY(sql::ArchiveTable::Last last, last_of(table, cut, moment));
  Files files = part->files;
  if (files != nullptr && part->at) {
    FRESHET_TRY(files, part->at(archive_moment(table, cut, moment, last)));
  }
  const hot::Snapshot& rows = cut.tables.at(table.name);
  hot::Snapshot then = rows.until(pipeline::first_row_above(rows, last.column, last.value));
  if (files == nullptr || !has_files(part)) return pin_parts(table, then, part, files, pinned);
  auto limited = std::make_shared<sql::ArchiveTable>(*files);
  limited->plan = [all = files, last](sql::ScanConstraints constraints, sql::OnMissing on_missing) {
    auto& most = constraints[last.column].maximum;
    most = std::min(most.value_or(last.value), last.value);
    return all->plan(constraints, on_missing);
  };
  limited->last = std::move(last);
  return pin_parts(table, then, part, limited, pinned);
}

}  // namespace freshet::query
