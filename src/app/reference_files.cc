#include "app/reference_files.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/logging.h"
#include "common/metrics.h"
#include "common/mutex.h"

namespace freshet::app {
namespace {

metrics::Counter& refused_total() {
  static metrics::Counter& counter = metrics::counter("freshet_pipeline_reference_refused_total",
                                                      "Reference files that were not taken");
  return counter;
}

}  // namespace

void report_refused_reference(const std::string& table, std::uint32_t version, const Error& error) {
  refused_total().add();
  log_error("a reference file was not taken; the version in force stays",
            {{"table", table}, {"version", version}, {"error", error.to_string()}});
}

struct ReferenceReloader::State {
  struct File {
    SourcedReference sourced;
    std::int64_t next_ns = 0;
    std::string last_error;
  };
  std::vector<File> files;
  pipeline::References* references = nullptr;
  io::Clock* clock = nullptr;
  Mutex mutex;
  ConditionVariable changed;
  bool stopping FRESHET_GUARDED_BY(mutex) = false;
  std::thread thread;

  void run() {
    pthread_setname_np(pthread_self(), "reference");
    for (;;) {
      std::int64_t now_ns = clock->monotonic_ns();
      std::int64_t next_ns = now_ns + 3'600'000'000'000;
      for (File& file : files) next_ns = std::min(next_ns, file.next_ns);
      auto until = std::chrono::steady_clock::now() +
                   std::chrono::nanoseconds(std::max<std::int64_t>(0, next_ns - now_ns));
      {
        MutexLock lock(mutex);
        while (!stopping && changed.wait_until(mutex, until) == std::cv_status::no_timeout) {
        }
        if (stopping) return;
      }
      for (File& file : files) {
        if (clock->monotonic_ns() >= file.next_ns) reload(file);
      }
    }
  }

  Status take(SourcedReference& sourced) {
    FRESHET_TRY(ReferenceSource::Table table, sourced.source->read());
    if (!table) return ok();
    auto switched = references->switch_to_file(table, clock->wall_us());
    // What does not fit the pipelines will not by being read again.
    if (switched || switched.error().code() == Code::kInvalid) sourced.source->settle();
    if (!switched) return std::move(switched).error();
    return ok();
  }

  void reload(File& file) {
    const ReferenceConfig& config = file.sourced.config;
    file.next_ns = clock->monotonic_ns() + config.reload_us * 1000;
    std::uint32_t before = references->active(config.name).version;
    Status taken = take(file.sourced);
    if (stopping_now()) return;
    if (!taken) {
      std::string error = taken.error().to_string();
      if (error == file.last_error) {
        refused_total().add();
        return;
      }
      file.last_error = std::move(error);
      report_refused_reference(config.name, before, taken.error());
      return;
    }
    file.last_error.clear();
    pipeline::References::Active now = references->active(config.name);
    if (now.version == before) return;
    log_info("reference table switched", {{"table", config.name},
                                          {"version", now.version},
                                          {"rows", now.table->row_count()},
                                          {"from", config.from}});
  }

  // A read that was cancelled is no refusal.
  bool stopping_now() {
    MutexLock lock(mutex);
    return stopping;
  }
};

ReferenceReloader::ReferenceReloader(std::vector<SourcedReference> sourced,
                                     pipeline::References& references, io::Clock& clock)
    : state_(std::make_unique<State>()) {
  state_->references = &references;
  state_->clock = &clock;
  for (SourcedReference& each : sourced) {
    if (each.config.reload_us == 0) continue;
    std::int64_t next_ns = clock.monotonic_ns() + each.config.reload_us * 1000;
    state_->files.push_back({std::move(each), next_ns, ""});
  }
  if (!state_->files.empty())
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

ReferenceReloader::~ReferenceReloader() {
  stop();
}

void ReferenceReloader::stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace freshet::app
