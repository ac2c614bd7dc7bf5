// When the archive's threads may believe the clock that rows' time is over.
#include <algorithm>

#include "archive/archive.h"
#include "common/logging.h"
#include "common/metrics.h"

namespace freshet::archive {
namespace {

// A server may be off so long without doubt about its clock.
constexpr std::int64_t kOffTimeMaxUs = 31ll * 24 * 3'600'000'000;

metrics::Gauge& expiry_suspended() {
  static metrics::Gauge& gauge = metrics::gauge(
      "freshet_archive_expiry_suspended",
      "1 while nothing leaves the archive by age because the clock was set or is in doubt");
  return gauge;
}

}  // namespace

// Where the clock stood at the last commit is the only time that outlives a process.
Status Archive::look_at_clock() {
  FRESHET_TRY(auto rows, catalog_.archive_tables());
  std::int64_t newest_us = 0;
  for (const catalog::ArchiveTableRow& row : rows)
    newest_us = std::max(newest_us, row.committed_us);
  std::int64_t gap_us = clock_.wall_us() - newest_us;
  clock_refused_ =
      newest_us > 0 && (gap_us > kOffTimeMaxUs || gap_us < -pipeline::LogClock::kStepMaxUs);
  log_clock_.emplace(clock_, newest_us);
  return ok();
}

Status Archive::expire_rows() {
  if (config_.retention.empty() || config_.rows_are_held()) return ok();
  std::int64_t now_us = log_clock_->now_us();
  bool suspended = clock_refused_ || log_clock_->has_stepped();
  expiry_suspended().set(suspended ? 1 : 0);
  if (suspended) {
    return Error(Code::kUnavailable, 3847,
                 "the clock was set, or stands far from the last commit: nothing leaves the "
                 "archive on its word; set it right, then restart the server");
  }
  Status all = ok();
  for (const std::shared_ptr<Table>& table : all_tables()) {
    std::string_view name = table->name();
    std::string_view of_pipeline = name.substr(0, name.find('$'));
    auto rules = config_.retention.find(of_pipeline);
    if (rules == config_.retention.end()) continue;
    RetentionRules own = rules->second;
    if (name != of_pipeline) own.classes.clear();
    own.memory_bytes = config_.memory_bytes;
    auto expired = table->expire_rows(own, now_us, [this] { return stopping(); });
    publish(*table);
    if (expired && expired->rows > 0) {
      log_info("rows whose time was over left the archive",
               {{"table", table->name()},
                {"rows", expired->rows},
                {"files_dropped", expired->files_dropped},
                {"files_rewritten", expired->files_rewritten}});
    }
    if (!expired && all) all = std::move(expired).error().with_context(table->name());
  }
  return all;
}

}  // namespace freshet::archive
