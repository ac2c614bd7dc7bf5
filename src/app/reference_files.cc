#include "app/reference_files.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/logging.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "sql/reference_file.h"

namespace freshet::app {

Result<std::shared_ptr<const pipeline::ReferenceTable>> load_reference_file(
    const ReferenceConfig& config) {
  FRESHET_TRY(sql::ReferenceFile file, sql::read_reference_file(config.from, config.key));
  auto table = pipeline::ReferenceTable::make(config.name, config.key, file.schema, *file.rows);
  if (!table) return std::move(table).error().with_context(config.from);
  return table;
}

struct ReferenceReloader::State {
  struct File {
    ReferenceConfig config;
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

  void reload(File& file) {
    file.next_ns = clock->monotonic_ns() + file.config.reload_us * 1000;
    std::uint32_t before = references->active(file.config.name).version;
    auto table = load_reference_file(file.config);
    Result<catalog::ReferenceVersion> switched =
        table ? references->switch_to_file(*table, clock->wall_us())
              : Result<catalog::ReferenceVersion>(table.error());
    if (!switched) {
      metrics::counter("freshet_pipeline_reference_refused_total",
                       "Reference files that were not taken")
          .add();
      if (switched.error().to_string() == file.last_error) return;
      file.last_error = switched.error().to_string();
      log_error("a reference file was not taken; the version in force stays",
                {{"table", file.config.name}, {"version", before}, {"error", file.last_error}});
      return;
    }
    file.last_error.clear();
    if (references->active(file.config.name).version != before) {
      log_info("reference table switched", {{"table", file.config.name},
                                            {"version", switched->version},
                                            {"rows", switched->rows},
                                            {"from", file.config.from}});
    }
  }
};

ReferenceReloader::ReferenceReloader(std::vector<ReferenceConfig> configs,
                                     pipeline::References& references, io::Clock& clock)
    : state_(std::make_unique<State>()) {
  state_->references = &references;
  state_->clock = &clock;
  for (ReferenceConfig& config : configs) {
    if (config.reload_us == 0) continue;
    std::int64_t next_ns = clock.monotonic_ns() + config.reload_us * 1000;
    state_->files.push_back({std::move(config), next_ns, ""});
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
