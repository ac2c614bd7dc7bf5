#include "sim/pipeline_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "io/clock.h"
#include "io/random.h"
#include "log/reader.h"
#include "pipeline/shard.h"
#include "sim/pipeline_model.h"
#include "sim/simulated_disk.h"
#include "sim/simulated_write_queue.h"

namespace freshet::sim {
namespace {

using pipeline::PutOutcome;
using pipeline::ReferenceTable;

constexpr StreamId kStream = 1;
constexpr std::int64_t kStartUs = 1'790'000'000'000'000;
constexpr std::int64_t kHorizonUs = 20'000'000;

std::shared_ptr<const ReferenceTable> make_locations(
    const std::map<std::string, std::string>& names) {
  Schema schema{{{"location_id", ColumnType::kText}, {"name", ColumnType::kText}}};
  ColumnBatch rows(schema);
  for (const auto& [id, name] : names) {
    rows.columns[0].append(std::string_view(id));
    rows.columns[1].append(std::string_view(name));
  }
  auto table = ReferenceTable::make("locations", "location_id", schema, rows);
  FRESHET_CHECK(table.has_value());
  return *table;
}

class Simulation {
 public:
  explicit Simulation(const PipelineSimulationOptions& options)
      : options_(options),
        random_(options.seed),
        disk_(options.seed * 7919 + 1),
        clock_(kStartUs),
        model_(kHorizonUs),
        budget_(256u << 20) {
    disk_.faults().ignore_every_nth_sync = options.ignore_every_nth_sync;
    short_retention_ = random_.below(4) == 0;
    ids_on_disk_ = random_.below(2) == 0;
  }

  PipelineSimulationOutcome run();

 private:
  struct Pending {  // a put without an answer yet
    std::vector<std::string> events;
    bool answered = false;
    std::optional<std::vector<PutOutcome>> outcomes;
  };

  bool boot();
  void kill(bool crash);
  void step();
  void put();
  void switch_reference();
  void check_answers();
  void check_acknowledged(const Pending& pending);
  void drain();
  void verify();
  std::string make_event();
  pipeline::PipelineSettings settings();
  std::set<std::string> rows_of(const hot::Snapshot& snapshot) const;
  void fail(std::string what) {
    if (!outcome_.violation) outcome_.violation = std::move(what);
  }

  PipelineSimulationOptions options_;
  io::SeededRandom random_;
  SimulatedDisk disk_;
  io::ManualClock clock_;
  PipelineModel model_;
  MemoryBudget budget_;
  pipeline::PoisonEvents poison_;
  bool short_retention_ = false;
  bool ids_on_disk_ = false;
  io::InlineExecutor background_;
  std::unique_ptr<SimulatedWriteQueue> queue_;
  std::unique_ptr<pipeline::Shard> shard_;
  std::deque<std::shared_ptr<Pending>> pending_;
  std::map<std::uint64_t, std::string> acknowledged_;  // position -> event
  std::vector<std::string> recent_;                    // events that may be sent again
  std::map<std::uint32_t, std::shared_ptr<const ReferenceTable>> references_;
  std::map<std::uint32_t, Position> activations_;  // what the catalog would remember
  std::uint32_t next_version_ = 1;
  std::uint32_t next_id_ = 1;
  std::uint32_t boots_ = 0;
  std::optional<std::set<std::string>> live_rows_;  // of the last life, where all of it was durable
  PipelineSimulationOutcome outcome_;
};

pipeline::PipelineSettings Simulation::settings() {
  pipeline::PipelineSettings settings;
  settings.name = settings.stream = settings.table = "detections";
  settings.dedup.horizon_us = kHorizonUs;
  if (ids_on_disk_) {
    settings.dedup.directory = "ids";
    settings.dedup.disk = &disk_;
    settings.dedup.memory_ids = 32;
    settings.dedup.generation_bits = 3;
    settings.dedup.merge_fan_in = 3;
  }
  settings.keys = {"camera_id"};
  settings.joins = {{"loc", "locations", "location_id", "", ""}};
  return settings;
}

// The journal as found, then everything in it through the pipeline again. False: the power failed
// meanwhile.
bool Simulation::boot() {
  disk_.power_on();
  queue_ = std::make_unique<SimulatedWriteQueue>(disk_, clock_, random_.next_u64());
  log::Config config;
  config.directory = "log";
  config.segment_bytes = 256u << 10;
  config.block_bytes_max = 16u << 10;
  config.recent_bytes_max = 64u << 10;
  auto journal = log::Journal::open(config, disk_, *queue_, clock_, random_);
  if (!journal) {
    if (!disk_.is_off()) fail("the journal does not open: " + journal.error().to_string());
    return false;
  }
  if (!(*journal)->recovery().gaps.empty())
    fail("a crash alone made a gap: " + (*journal)->recovery().gaps[0].reason);
  std::set<std::uint64_t> present;
  Status read = (*journal)->replay(Position{}, [&](const log::Record& record) -> Status {
    ModelRecord seen{
        .arrival_us = record.arrival_us, .reference_version = 0, .json = std::string(record.data)};
    if (record.kind == log::RecordKind::kControl) {
      FRESHET_TRY(auto change, pipeline::ReferenceSwitch::from_text(record.data));
      seen.reference_version = change.version;
      activations_[change.version] = record.position;
    }
    present.insert(record.position.value);
    model_.add_record(record.position, std::move(seen));
    return ok();
  });
  if (!read) {
    if (!disk_.is_off()) fail("the journal does not replay: " + read.error().to_string());
    return false;
  }
  Position first = (*journal)->first_position();
  for (const auto& [position, event] : acknowledged_) {
    if (position < first.value) continue;
    if (!present.contains(position))
      return fail(fmt::format("lost write: position {} was acknowledged", position)), false;
    if (model_.records().at(position).json != event)
      fail(fmt::format("position {} holds another event", position));
  }
  pipeline::ShardConfig shard_config;
  shard_config.segment_bytes = config.segment_bytes;
  shard_config.upkeep_us = 500'000;
  shard_config.plant_early_answers = options_.acknowledge_before_sync;
  shard_config.replay_batch_records = 1 + random_.below(40);
  shard_ = std::make_unique<pipeline::Shard>(shard_config, *std::move(journal), *queue_, clock_,
                                             nullptr);
  pipeline::KnownReferences known;
  if (!references_.empty()) known["locations"] = references_.rbegin()->second;
  auto made = pipeline::StreamPipeline::create(settings(), known, budget_, poison_,
                                               ids_on_disk_ ? &background_ : nullptr);
  FRESHET_CHECK(made.has_value());
  pipeline::ShardStream stream;
  stream.id = kStream;
  stream.name = "detections";
  stream.retention_us = short_retention_ ? 15'000'000 : 3'600'000'000ll;
  stream.partitions = {{kHashKeyMax / 2, 0}, {kHashKeyMax, 1}};
  stream.pipeline = std::shared_ptr<pipeline::StreamPipeline>(*std::move(made));
  Status ready = shard_->add_stream(std::move(stream));
  for (const auto& [version, position] : activations_) {
    if (ready && position < first)
      ready = shard_->set_reference(references_.at(version), {version, position});
  }
  if (ready)
    ready = shard_->replay(
        [&](std::uint32_t version) -> Result<std::shared_ptr<const ReferenceTable>> {
          return references_.at(version);
        },
        pipeline::ReplayThreads::kOne);
  if (!ready) {
    if (!disk_.is_off()) fail("the shard does not come back: " + ready.error().to_string());
    return false;
  }
  if (options_.forget_ids_on_restart) shard_->find_stream(kStream)->pipeline->plant_forgotten_ids();
  if (boots_++ > 0 && !present.empty()) outcome_.sometimes["restart over records"] += 1;
  verify();
  return true;
}

void Simulation::kill(bool crash) {
  live_rows_.reset();
  if (shard_ && !disk_.is_off() && shard_->is_idle()) {
    live_rows_ = rows_of(*shard_->find_stream(kStream)->pipeline->tables()->snapshot("detections"));
    outcome_.sometimes["idle at the end"] += 1;
  }
  if (crash) {
    disk_.crash();
    outcome_.sometimes["crash"] += 1;
  } else {
    disk_.kill();
    outcome_.sometimes["kill"] += 1;
  }
  if (!queue_) return;
  if (queue_->in_flight() > 0) outcome_.sometimes["write in flight at the end"] += 1;
  queue_->interrupt();
  // The process is gone: what its callers were not told they never learn.
  pending_.clear();
  shard_.reset();
  queue_.reset();
}

std::string Simulation::make_event() {
  std::uint64_t kind = random_.below(20);
  if (!recent_.empty() && kind < 6) {
    outcome_.sometimes["retry sent"] += 1;
    return recent_[random_.below(recent_.size())];
  }
  std::string camera = fmt::format("c{}", random_.below(4));
  if (kind == 6) {
    std::string bad = fmt::format("{{\"broken\":{}", random_.next_u64());
    model_.add_event(bad, {"", "", "", ""});
    return bad;
  }
  bool conflict = kind == 7 && next_id_ > 1 && !short_retention_;
  std::uint32_t number =
      conflict ? 1 + static_cast<std::uint32_t>(random_.below(next_id_ - 1)) : next_id_++;
  std::string id = fmt::format("00000000-0000-4000-8000-{:012x}", number);
  std::string location = fmt::format("l{}", random_.below(3));
  std::string content = fmt::format("{} {} {}", camera, location, random_.below(1000));
  std::string json = fmt::format(
      R"({{"id":"{}","cam":"{}","loc":"{}","item":"car","track":"{}","ts":"2026-09-01T00:00:00Z"}})",
      id, camera, location, content);
  model_.add_event(json, {id, content, camera, location});
  recent_.push_back(json);
  if (recent_.size() > 60) recent_.erase(recent_.begin());
  return json;
}

void Simulation::put() {
  auto pending = std::make_shared<Pending>();
  EventBatch batch;
  std::size_t count = 1 + random_.below(12);
  for (std::size_t i = 0; i < count; ++i) pending->events.push_back(make_event());
  batch.arenas.reserve(count);
  for (const std::string& event : pending->events) {
    batch.arenas.push_back(event + std::string(64, ' '));
    HashKey hash = static_cast<HashKey>(random_.next_u64()) << 64;
    batch.records.push_back(
        {"key", std::string_view(batch.arenas.back()).substr(0, event.size()), hash});
  }
  pending_.push_back(pending);
  shard_->post_put(kStream, std::move(batch), [pending](Result<std::vector<PutOutcome>> answer) {
    pending->answered = true;
    if (answer) pending->outcomes = *std::move(answer);
  });
}

void Simulation::switch_reference() {
  std::map<std::string, std::string> names;
  for (int place = 0; place < 3; ++place) {
    if (random_.below(3) > 0)
      names[fmt::format("l{}", place)] = fmt::format("place-{}-{}", place, next_version_);
  }
  names["l9"] = fmt::format("nowhere-{}", next_version_);
  std::uint32_t version = next_version_++;
  references_[version] = make_locations(names);
  model_.add_reference(version, names);
  shard_->switch_reference({"locations", version}, references_[version],
                           [this, version](Result<Position> done) {
                             if (done) activations_[version] = *done;
                           });
  outcome_.sometimes["reference switched"] += 1;
}

void Simulation::check_answers() {
  while (!pending_.empty() && pending_.front()->answered) {
    if (pending_.front()->outcomes) check_acknowledged(*pending_.front());
    pending_.pop_front();
  }
}

// An answer means: durable (checked at the next boot), and readable now.
void Simulation::check_acknowledged(const Pending& pending) {
  pipeline::StreamPipeline& pipeline = *shard_->find_stream(kStream)->pipeline;
  for (std::size_t i = 0; i < pending.events.size(); ++i) {
    Position position = (*pending.outcomes)[i].position;
    if (acknowledged_.contains(position.value))
      fail(fmt::format("position {} was given twice", position.value));
    acknowledged_[position.value] = pending.events[i];
    if (pipeline.tables()->published() < position)
      fail(fmt::format("answered before visible: {}", position.value));
  }
  outcome_.sometimes["put acknowledged"] += 1;
}

void Simulation::step() {
  if (disk_.is_off() || !shard_) return;
  shard_->step(static_cast<std::int64_t>(random_.below(3)) * 1'000);
  check_answers();
}

void Simulation::drain() {
  for (int turn = 0; turn < 2'000 && shard_ && !disk_.is_off() && !shard_->is_idle(); ++turn)
    step();
  if (shard_ && !disk_.is_off() && !shard_->is_idle()) fail("no progress after the faults ended");
}

std::set<std::string> Simulation::rows_of(const hot::Snapshot& snapshot) const {
  const Schema& schema = snapshot.schema();
  std::size_t id = *schema.find("detection_id"), camera = *schema.find("camera_id"),
              place = *schema.find("location_id"), name = *schema.find("location_name"),
              position = *schema.find("position"), version = *schema.find("ref_version");
  std::set<std::string> rows;
  for (const hot::ChunkView& chunk : snapshot.chunks()) {
    for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row) {
      auto line = fmt::format("{} {} {} {} {} {}", chunk.values_as<std::uint64_t>(position)[row],
                              pipeline::event_id_text(chunk.values_as<EventId>(id)[row]),
                              chunk.text_at(camera, row), chunk.text_at(place, row),
                              chunk.is_valid(name, row) ? chunk.text_at(name, row) : "-",
                              chunk.values_as<std::uint32_t>(version)[row]);
      rows.insert(std::move(line));
    }
  }
  return rows;
}

// Compares every row of every table with the model's, content by content.
void Simulation::verify() {
  auto stream = shard_->find_stream(kStream);
  pipeline::Cut cut = stream->pipeline->tables()->cut();
  ModelOutcome expected = model_.outcome(Position{stream->visible_from->load()});
  auto compare = [&](const char* what, const std::set<std::string>& want,
                     const std::set<std::string>& have) {
    for (const std::string& line : want) {
      if (!have.contains(line)) return fail(fmt::format("{}: missing: {}", what, line));
    }
    for (const std::string& line : have) {
      if (!want.contains(line)) return fail(fmt::format("{}: not expected: {}", what, line));
    }
  };
  std::set<std::string> rebuilt = rows_of(cut.tables.at("detections"));
  compare("rows", expected.rows, rebuilt);
  if (live_rows_) {
    std::erase_if(*live_rows_, [&](const std::string& line) {
      return std::stoull(line) < stream->visible_from->load();
    });
    compare("rows before the restart", rebuilt, *live_rows_);
    live_rows_.reset();
  }
  auto outcome_lines = [&](const char* table, std::string_view column) {
    const hot::Snapshot& snapshot = cut.tables.at(table);
    std::size_t position = *snapshot.schema().find("position"),
                text = *snapshot.schema().find(column);
    std::set<std::string> lines;
    for (const hot::ChunkView& chunk : snapshot.chunks()) {
      for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row) {
        lines.insert(fmt::format("{} {}", chunk.values_as<std::uint64_t>(position)[row],
                                 chunk.text_at(text, row)));
      }
    }
    return lines;
  };
  compare("$dupes", expected.dupes, outcome_lines("detections$dupes", "detection_id"));
  compare("$dead", expected.dead, outcome_lines("detections$dead", "reason"));
  std::map<std::string, std::uint64_t> received;
  for (const pipeline::LedgerRow& row : pipeline::Ledger::rows(cut.ledger)) {
    if (!row.counts.balances())
      fail(fmt::format("the ledger of camera {} does not balance", row.camera_id));
    received[row.camera_id] += row.counts.received;
  }
  if (!short_retention_ && received != expected.received)
    fail("the ledger counts other events than the log holds");
  if (short_retention_ && stream->visible_from->load() > 1)
    outcome_.sometimes["rows past retention"] += 1;
  if (stream->pipeline->dedup_counters().run_entries > 0) outcome_.sometimes["ids on disk"] += 1;
  outcome_.rows = expected.rows.size();
  outcome_.sometimes["duplicate found"] += expected.dupes.size();
}

PipelineSimulationOutcome Simulation::run() {
  if (!boot()) return outcome_;
  for (std::uint32_t i = 0; i < options_.steps && !outcome_.violation; ++i) {
    clock_.advance_us(static_cast<std::int64_t>(random_.below(400'000)));
    std::uint64_t what = random_.below(100);
    if (what < 55) {
      put();
    } else if (what < 60) {
      switch_reference();
    } else if (what < 66) {
      if (random_.below(2) == 0) drain();
      kill(random_.below(3) > 0);
      // A crash inside recovery must decide alike the second time.
      if (random_.below(4) == 0) disk_.crash_after(1 + random_.below(12));
      while (!outcome_.violation && !boot()) {
        outcome_.sometimes["crash inside a recovery"] += 1;
        kill(true);
        disk_.cancel_crash();
      }
      disk_.cancel_crash();
    }
    for (std::uint64_t turns = random_.below(4); turns > 0; --turns) step();
  }
  if (!outcome_.violation) drain();
  if (!outcome_.violation) {
    kill(true);
    boot();
  }
  outcome_.io_hash = disk_.io_hash();
  shard_.reset();
  return outcome_;
}

}  // namespace

PipelineSimulationOutcome run_pipeline_simulation(const PipelineSimulationOptions& options) {
  return Simulation(options).run();
}

}  // namespace freshet::sim
