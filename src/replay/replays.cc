#include "replay/replays.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "archive/archive.h"
#include "common/logging.h"
#include "common/time_text.h"
#include "common/units.h"
#include "replay/comparison.h"

namespace freshet::replay {
namespace {

// Enough for a client that asks again after a broken connection.
constexpr std::size_t kJobsKept = 16;
constexpr std::uint64_t kMemoryLeast = 96ull << 20;
constexpr std::uint64_t kMemoryMost = 512ull << 20;
constexpr std::uint64_t kBytesPerId = 82;
constexpr std::size_t kTableNameMost = 100;
constexpr std::chrono::milliseconds kWait{20};
// As measured (docs/decisions/0409): for the estimate alone.
constexpr double kIdsPerSecond = 400'000, kRecordsPerSecond = 150'000;

Error bad_range(std::string what) {
  return {Code::kInvalid, 5121, std::move(what)};
}

// Where a stream's log begins.
struct LogStart {
  std::int64_t first_us = 0;   // the first record of any stream
  std::int64_t shown_us = 0;   // the first that is not past retention
  bool hides_records = false;  // records that came before it are gone, or past retention
};

Result<LogStart> log_start(const pipeline::LogOfStream& log) {
  LogStart start;
  Position first = log.reader->first_position();
  Position shown = std::max(first, Position{log.visible_from->load()});
  auto arrival_at = [&](Position from, Position until) -> Result<std::optional<std::int64_t>> {
    std::optional<std::int64_t> arrival;
    FRESHET_TRY([[maybe_unused]] auto end,
                log.reader->read_all(log.reader->position_behind_gap(from), until,
                                     {.records_max = 1}, [&](const log::Record& record) {
                                       arrival = record.arrival_us;
                                       return ok();
                                     }));
    return arrival;
  };
  Position end{~std::uint64_t{0}};
  FRESHET_TRY(auto first_us, arrival_at(first, end));
  FRESHET_TRY(auto shown_us, arrival_at(shown, end));
  if (!first_us || !shown_us)
    return bad_range("the log shows no record: there is nothing to replay");
  start.first_us = *first_us;
  start.shown_us = *shown_us;
  FRESHET_TRY(auto hidden_us, arrival_at(first, shown));
  start.hides_records = log.reader->is_trimmed() || hidden_us.has_value();
  return start;
}

// Below the archive's threads. A refusal only means equal priority.
void give_way() {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 15);
}

// A part of production's memory, for as long as a replay runs.
class BorrowedMemory {
 public:
  explicit BorrowedMemory(MemoryBudget& from) : from_(from) {}
  ~BorrowedMemory() { from_.give_back(bytes_); }
  BorrowedMemory(const BorrowedMemory&) = delete;
  BorrowedMemory& operator=(const BorrowedMemory&) = delete;
  bool take() {
    std::uint64_t wanted = std::clamp(from_.limit_bytes() / 4, kMemoryLeast, kMemoryMost);
    if (from_.try_take(wanted)) bytes_ = wanted;
    return bytes_ > 0;
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  MemoryBudget& from_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

struct Replays::Job {
  mutable Mutex mutex;
  ReplayState known FRESHET_GUARDED_BY(mutex);
  std::shared_ptr<pipeline::StreamPipeline> production;
  std::unique_ptr<BorrowedMemory> memory;

  ReplayState state() const {
    MutexLock lock(mutex);
    return known;
  }
  bool is_stopped() const {
    MutexLock lock(mutex);
    return known.stopped;
  }
  void ask_to_stop() {
    MutexLock lock(mutex);
    if (known.running) known.stopped = true;
  }
};

Replays::Replays(ReplaysConfig config, pipeline::Runner& runner, archive::Archive* archive)
    : config_(std::move(config)), runner_(runner), archive_(archive) {
  std::error_code ignored;  // ids of a replay that a crash has ended; what stays costs room alone
  std::filesystem::remove_all(config_.folder, ignored);
}

Replays::~Replays() {
  stop();
}

void Replays::stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (const JobPointer& job : jobs_) job->ask_to_stop();
  }
  changed_.notify_all();
  thread_.stop();
}

Result<std::shared_ptr<pipeline::StreamPipeline>> Replays::find_pipeline(
    const ReplayRequest& request, const Allows& allows) {
  std::vector<std::shared_ptr<pipeline::StreamPipeline>> found;
  std::string names;
  for (const pipeline::TableInfo& info : runner_.tables().tables()) {
    if (info.name.find('$') != std::string::npos || !allows(info.name)) continue;
    if (!request.pipeline.empty() && info.pipeline != request.pipeline) continue;
    auto pipeline = runner_.tables().pipeline_of(info.name);
    if (pipeline) found.push_back(std::move(pipeline));
    names += (names.empty() ? "" : ", ") + info.pipeline;
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    return Error(Code::kNotFound, 5120,
                 request.pipeline.empty()
                     ? "there is no pipeline that this key may replay: it needs the rule "
                       "\"replay:run table/NAME\" for the pipeline's table"
                     : fmt::format("there is no pipeline \"{}\" that this key may replay",
                                   request.pipeline));
  }
  return Error(Code::kInvalid, 5120,
               fmt::format("there is more than one pipeline: name one of {}", names));
}

Result<ReplayEstimate> Replays::estimate_of(const ReplayRequest& request,
                                            const pipeline::StreamPipeline& production) {
  const pipeline::PipelineSettings& settings = production.settings();
  auto log = runner_.streams().log_of(settings.stream);
  if (!log) {
    return Error(Code::kNotFound, 5120, fmt::format("the stream {} was removed", settings.stream));
  }
  if (request.from_us >= request.to_us)
    return bad_range("\"from\" is not before \"to\": the range is empty");
  ReplayEstimate estimate;
  estimate.pipeline = settings.name;
  estimate.table = settings.table;
  estimate.stream = settings.stream;
  estimate.from_us = request.from_us;
  estimate.to_us = request.to_us;
  FRESHET_TRY(LogStart start, log_start(*log));
  estimate.log_from_us = start.shown_us;
  if (start.hides_records && estimate.from_us < start.shown_us) {
    if (!request.from_log_start) {
      return Error(
          Code::kInvalid, 5122,
          fmt::format("the log of stream {} shows records from {} on: what came before has passed "
                      "its retention, and archived rows cannot be replayed, since they are no "
                      "events any more. Begin there (--from-log-start), or keep the stream longer",
                      settings.stream, format_rfc3339_us(start.shown_us)));
    }
    estimate.from_us = start.shown_us;
  }
  if (estimate.to_us <= start.shown_us) {
    return bad_range(
        fmt::format("nothing has arrived before \"to\": the log's first record came "
                    "at {}",
                    format_rfc3339_us(start.shown_us)));
  }
  const log::Reader& reader = *log->reader;
  std::int64_t ids_from_us = estimate.from_us - settings.dedup.horizon_us;
  if (reader.is_trimmed() && start.first_us > ids_from_us) estimate.ids_from_us = start.first_us;
  Position ids_from = reader.position_at_time(ids_from_us);
  Position rows_from = reader.position_at_time(estimate.from_us);
  log::LogExtent ids = reader.extent(ids_from, rows_from);
  log::LogExtent rows = reader.extent(rows_from, reader.position_at_time(estimate.to_us));
  estimate.id_records = ids.records;
  estimate.id_bytes = ids.bytes;
  estimate.records = rows.records;
  estimate.bytes = rows.bytes;
  double seconds = static_cast<double>(ids.records) / kIdsPerSecond +
                   static_cast<double>(rows.records) / kRecordsPerSecond;
  estimate.duration_us = static_cast<std::int64_t>(seconds * 1e6);
  return estimate;
}

Result<ReplayEstimate> Replays::estimate(const ReplayRequest& request, const Allows& allows) {
  FRESHET_TRY(auto production, find_pipeline(request, allows));
  FRESHET_TRY_STATUS(check_into(request, *production));
  return estimate_of(request, *production);
}

Status Replays::check_into(const ReplayRequest& request,
                           const pipeline::StreamPipeline& production) {
  const std::string& name = request.into;
  if (name.empty()) return ok();
  auto is_of_word = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (name.size() > kTableNameMost || !std::all_of(name.begin(), name.end(), is_of_word)) {
    return Error(Code::kInvalid, 5123,
                 fmt::format("\"{}\" is no name for a table: up to {} letters, digits and _", name,
                             kTableNameMost));
  }
  if (archive_ == nullptr) {
    return Error(
        Code::kInvalid, 5123,
        "a table of replayed rows is kept in the archive, and there is none: set [archive] "
        "url");
  }
  return archive_->check_new_table(name, production.tables()->info().schema);
}

// Rows go straight to files; there is no hot part.
class Replays::Filling : public RowSink {
 public:
  explicit Filling(std::unique_ptr<archive::TableBuild> build) : build_(std::move(build)) {}
  Status take(const ReplayedRows& step) override {
    return build_->append(step.rows, step.first, step.last);
  }
  Status commit() { return build_->commit(); }

 private:
  std::unique_ptr<archive::TableBuild> build_;
};

Result<ReplayState> Replays::begin(const ReplayRequest& request, const Allows& allows,
                                   const std::string& owner) {
  FRESHET_TRY(auto production, find_pipeline(request, allows));
  FRESHET_TRY_STATUS(check_into(request, *production));
  FRESHET_TRY(ReplayEstimate estimate, estimate_of(request, *production));
  auto job = std::make_shared<Job>();
  job->production = std::move(production);
  job->memory = std::make_unique<BorrowedMemory>(runner_.memory());
  {
    MutexLock lock(job->mutex);
    job->known.owner = owner;
    job->known.request = request;
    job->known.estimate = estimate;
  }
  FRESHET_TRY_STATUS(add(job));
  return job->state();
}

Status Replays::add(const JobPointer& job) {
  MutexLock lock(mutex_);
  if (stopped_) return Error(Code::kUnavailable, 5124, "the server is stopping");
  if (!jobs_.empty() && jobs_.back()->state().running) {
    return Error(Code::kThrottled, 5124,
                 fmt::format("{} is under way: wait until it is done", jobs_.back()->state().id));
  }
  if (!job->memory->take()) {
    return Error(Code::kThrottled, 5124,
                 fmt::format("a replay borrows {} or more of what rows may take, and so much is "
                             "not free: try again, or raise limits.memory",
                             format_bytes(kMemoryLeast)));
  }
  {
    MutexLock job_lock(job->mutex);
    job->known.id = fmt::format("replay-{}", ++begun_);
  }
  if (!thread_.post([this, job] { run(*job); }))
    return Error(Code::kThrottled, 5124, "a replay is just ending: try again");
  jobs_.push_back(job);
  if (jobs_.size() > kJobsKept) jobs_.pop_front();
  return ok();
}

Result<Replays::JobPointer> Replays::find(std::string_view id, std::string_view owner) {
  MutexLock lock(mutex_);
  for (const JobPointer& job : jobs_) {
    ReplayState state = job->state();
    if (state.id == id && state.owner == owner) return job;
  }
  return Error(Code::kNotFound, 5125,
               fmt::format("there is no replay {} of this key: only the last {} are known, and "
                           "none across a restart, which ends a replay: begin it again",
                           id, kJobsKept));
}

Result<ReplayState> Replays::state(std::string_view id, std::string_view owner) {
  FRESHET_TRY(JobPointer job, find(id, owner));
  return job->state();
}

Result<ReplayState> Replays::stop(std::string_view id, std::string_view owner) {
  FRESHET_TRY(JobPointer job, find(id, owner));
  job->ask_to_stop();
  changed_.notify_all();
  return job->state();
}

void Replays::run(Job& job) {
  give_way();
  Status replayed = replay(job);
  std::error_code ignored;  // removed at the next start, if not now
  std::filesystem::remove_all(config_.folder, ignored);
  job.production.reset();
  job.memory.reset();
  MutexLock lock(job.mutex);
  job.known.running = false;
  if (replayed) return;
  log_warning("a replay failed",
              {{"replay", job.known.id}, {"error", replayed.error().to_string()}});
  job.known.error = std::move(replayed).error();
}

Status Replays::replay(Job& job) {
  const ReplayState begun = job.state();
  std::uint64_t half = job.memory->bytes() / 2;
  std::error_code ignored;  // dedup says what is wrong with its folder
  std::filesystem::create_directories(config_.folder, ignored);
  FRESHET_TRY(RangeSource source, source_of(begun.estimate, *job.production));
  MemoryBudget budget(half);
  pipeline::PipelineBeside beside{config_.folder + "/ids", half / 4 / kBytesPerId};
  FRESHET_TRY(auto pipeline, runner_.make_pipeline_beside(*job.production, beside, budget));
  if (!begun.request.into.empty()) return fill(job, std::move(source), *pipeline, half);
  auto log = runner_.streams().log_of(begun.estimate.stream);
  if (!log) return Error(Code::kNotFound, 5120, "the stream was removed");
  FRESHET_TRY(auto comparison,
              Comparison::open(runner_.tables(), begun.estimate.table, *log, half));
  RangeReplay range(std::move(source), config_.limits, begun.request.camera, *pipeline, *comparison,
                    watch(job));
  FRESHET_TRY(bool whole, range.run());
  if (!whole) return ok();
  MutexLock lock(job.mutex);
  job.known.stopped = false;  // asked behind its end
  job.known.comparison = comparison->result();
  return ok();
}

Status Replays::fill(Job& job, RangeSource source, pipeline::StreamPipeline& pipeline,
                     std::uint64_t memory_bytes) {
  const ReplayState begun = job.state();
  pipeline::TableInfo info = pipeline.tables()->info();
  info.name = begun.request.into;
  FRESHET_TRY(auto build, archive_->build_table(info, begun.estimate.table, memory_bytes));
  Filling filling(std::move(build));
  RangeReplay range(std::move(source), config_.limits, begun.request.camera, pipeline, filling,
                    watch(job));
  FRESHET_TRY(bool whole, range.run());
  if (!whole) return ok();
  FRESHET_TRY_STATUS(filling.commit());
  FRESHET_TRY_STATUS(archive_->show_table(info.name));
  MutexLock lock(job.mutex);
  job.known.stopped = false;
  return ok();
}

RangeWatch Replays::watch(Job& job) {
  RangeWatch watch;
  watch.is_stopped = [&job] { return job.is_stopped(); };
  watch.note = [&job](const RangeProgress& progress) {
    MutexLock lock(job.mutex);
    job.known.id_records_done = progress.id_records;
    job.known.records_done = progress.records;
    job.known.rows = progress.rows;
    job.known.counts = progress.counts;
    job.known.gaps = progress.gaps;
  };
  watch.wait = [this] {
    MutexLock lock(mutex_);
    changed_.wait_for(mutex_, kWait);
  };
  return watch;
}

Result<RangeSource> Replays::source_of(const ReplayEstimate& estimate,
                                       const pipeline::StreamPipeline& production) {
  auto log = runner_.streams().log_of(estimate.stream);
  if (!log) return Error(Code::kNotFound, 5120, "the stream was removed");
  std::int64_t ids_from_us = estimate.from_us - production.settings().dedup.horizon_us;
  RangeSource source{.reader = *log->reader,
                     .stream = log->id,
                     .ids_from = log->reader->position_at_time(ids_from_us),
                     .from_us = estimate.from_us,
                     .to_us = estimate.to_us,
                     .until = {},
                     .in_force = {},
                     .load = {}};
  // No further than production has come: what is compared is there.
  source.until = Position{production.tables()->published().value + 1};
  FRESHET_TRY(source.in_force, runner_.references().in_force_before(log->journal, source.ids_from));
  source.load = [&references = runner_.references()](std::uint32_t version) {
    return references.load(version);
  };
  return source;
}

}  // namespace freshet::replay
