#include "dedup/dedup.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "common/check.h"
#include "dedup/look_ahead.h"
#include "dedup/memory_ids.h"
#include "dedup/run_store.h"

namespace freshet::dedup {
namespace {

// Of what is due at once, so that no caller waits long after a quiet night.
constexpr std::size_t kPopsAtOnce = 16;
// Of an id in memory: its entry, and its slot at the index's usual load.
constexpr std::uint64_t kBytesPerId = 82;

RunStoreConfig store_config(const DedupConfig& config) {
  RunStoreConfig result;
  result.place = {config.disk, config.directory, config.data_directory_id, config.hash_seed};
  result.horizon_us = config.horizon_us;
  result.merges = {std::max<std::uint64_t>(1, config.memory_ids / 2), config.merge_fan_in};
  result.plant_newest_run_only = config.plant_newest_run_only;
  return result;
}

}  // namespace

struct Dedup::State {
  State(const DedupConfig& c, MemoryBudget& b, io::Executor* background)
      : config(c),
        budget(b),
        memory({c.generation_bits, c.fingerprint_bits, c.plant_unconfirmed_hits}, background) {
    if (c.directory.empty()) return;
    FRESHET_CHECK(c.disk != nullptr && background != nullptr);
    store = std::make_unique<RunStore>(store_config(c), *background);
  }

  Result<std::optional<DedupEntry>> find_in_runs(const HashedId& id) const;
  Result<DedupOutcome> decide(const HashedId& id, const DedupEntry& candidate);
  void make_ready();
  void pop_oldest();
  void spill();
  void begin_flush();
  void grow_filter();
  std::uint64_t store_bytes() const;
  std::uint64_t needed_bytes(std::uint64_t more) const {
    return memory.needed_bytes(more) + store_bytes();
  }
  void settle();

  DedupConfig config;
  MemoryBudget& budget;
  MemoryIds memory;
  LookAhead ahead;
  // The owner's. Of the oldest generations: `flushing` are on their way to disk, `flushed` are
  // there and may go.
  std::size_t flushing = 0, flushed = 0;
  std::uint64_t filter_bytes = 0;  // that the budget has given
  bool is_ready = false;           // the folder holds the runs of the book and no others
  bool was_refused = false;        // a batch, for want of memory
  std::optional<Error> failure;
  std::atomic<std::uint64_t> charged{0};
  // Last, so that it goes first: its worker reads entries of `memory`.
  std::unique_ptr<RunStore> store;  // null: all ids stay in memory
};

Dedup::Dedup(const DedupConfig& config, MemoryBudget& budget, io::Executor* background)
    : state_(std::make_unique<State>(config, budget, background)) {
  FRESHET_CHECK(config.horizon_us >= 0);
}

Dedup::~Dedup() {
  state_->budget.give_back(state_->charged);
}

Result<std::optional<DedupEntry>> Dedup::State::find_in_runs(const HashedId& id) const {
  if (store == nullptr) return std::optional<DedupEntry>();
  return store->find(id);
}

Result<DedupOutcome> Dedup::State::decide(const HashedId& id, const DedupEntry& candidate) {
  std::uint32_t hash = MemoryIds::short_hash(id.hash);
  MemoryIds::Probe probe = memory.probe(id.id, hash);
  std::optional<DedupEntry> known;
  if (probe.slot != nullptr) {
    known = memory.entry_at(probe.number);
  } else if (store != nullptr && !ahead.is_absent(id.hash)) {
    FRESHET_TRY(known, store->find(id));
  }
  bool is_seen = known && known->last_seen_us >= candidate.last_seen_us - config.horizon_us;
  DedupEntry next = is_seen ? *known : candidate;
  if (known) next.last_seen_us = std::max(known->last_seen_us, candidate.last_seen_us);
  std::uint64_t number =
      probe.slot != nullptr ? memory.renew(hash, probe, next) : memory.add(hash, probe, next);
  if (!is_seen) return DedupOutcome{DedupDecision::kNew, next, {number, memory.moves()}};
  bool is_same = next.content == candidate.content;
  return DedupOutcome{is_same ? DedupDecision::kDuplicate : DedupDecision::kConflict, next, {}};
}

void Dedup::State::pop_oldest() {
  memory.pop_oldest();
  // What was in memory may be in runs alone now.
  ahead.forget();
}

// The folder may hold runs of a process before this one.
void Dedup::State::make_ready() {
  if (is_ready) return;
  Status done = store->worker().restore({});
  is_ready = done.has_value();
  if (!done) failure = std::move(done).error();
}

void Dedup::State::spill() {
  make_ready();
  if (!is_ready) return;
  if (store->worker().take_flushed()) flushed = std::exchange(flushing, 0);
  for (std::size_t i = 0; i < kPopsAtOnce && flushed > 0; ++i, --flushed) pop_oldest();
  const Generations& generations = memory.generations();
  std::uint64_t ids = generations.size() * std::uint64_t{generations.entries_each()};
  bool is_due = ids > config.memory_ids || (was_refused && ids > config.memory_ids / 8);
  if (is_due && flushing == 0 && flushed == 0) begin_flush();
  grow_filter();
}

// The older half; never the youngest generation, which is still written to.
void Dedup::State::begin_flush() {
  const Generations& generations = memory.generations();
  std::size_t most = config.memory_ids / 2 >> config.generation_bits;
  std::size_t count = std::min(std::max<std::size_t>(most, 1), generations.size() - 1);
  if (count == 0) return;
  was_refused = false;
  EntrySpans spans;
  for (std::size_t i = 0; i < count; ++i) spans.push_back(generations.all()[i].span());
  flushing = count;
  store->worker().flush(std::move(spans));
}

// As large as the budget allows, up to twice the need: another size is made from all runs. But the
// ids in memory keep their share, or nothing would ever leave it.
void Dedup::State::grow_filter() {
  std::uint64_t wanted = store->worker().wanted_entries();
  if (wanted == 0) return;
  std::uint64_t share = (config.memory_ids + config.memory_ids / 4) * kBytesPerId;
  std::uint64_t in_memory = memory.needed_bytes(0);
  std::uint64_t kept = budget.used_bytes() + (share > in_memory ? share - in_memory : 0);
  std::uint64_t limit = budget.limit_bytes();
  std::uint64_t spare = limit > kept ? limit - kept : 0;
  std::uint64_t least = IdFilter::bytes_for(wanted + wanted / 50);
  std::uint64_t most = IdFilter::bytes_for(2 * wanted);
  std::uint64_t bytes = std::min(most, filter_bytes + spare);
  if (bytes < least || !budget.try_take(bytes - filter_bytes)) return;
  charged.fetch_add(bytes - filter_bytes, std::memory_order_relaxed);
  filter_bytes = bytes;
  store->worker().grant(bytes);
}

std::uint64_t Dedup::State::store_bytes() const {
  if (store == nullptr) return 0;
  return store->fixed_bytes() + filter_bytes;
}

void Dedup::State::settle() {
  std::uint64_t needed = needed_bytes(0);
  std::uint64_t have = charged.load(std::memory_order_relaxed);
  if (have <= needed) return;
  budget.give_back(have - needed);
  charged.store(needed, std::memory_order_relaxed);
}

bool Dedup::reserve(std::size_t count) {
  State& s = *state_;
  if (!s.memory.can_number(count)) return false;
  std::uint64_t needed = s.needed_bytes(count);
  std::uint64_t have = s.charged.load(std::memory_order_relaxed);
  if (needed <= have) return true;
  s.was_refused = !s.budget.try_take(needed - have);
  if (s.was_refused) return false;
  s.charged.store(needed, std::memory_order_relaxed);
  return true;
}

void Dedup::look_ahead(EventId id) {
  State& s = *state_;
  if (s.store != nullptr) s.ahead.look(*s.store, id_hash(id, s.config.hash_seed));
}

void Dedup::prefetch(EventId id) const {
  state_->memory.prefetch(MemoryIds::short_hash(id_hash(id, state_->config.hash_seed)));
}

Result<DedupOutcome> Dedup::decide(EventId id, ContentHash content, Position position,
                                   std::uint32_t sub, std::int64_t now_us) {
  return state_->decide({id_hash(id, state_->config.hash_seed), id}, {.id = id,
                                                                      .content = content,
                                                                      .first = position,
                                                                      .first_sub = sub,
                                                                      .last_seen_us = now_us,
                                                                      .row = kDedupNoRow});
}

void Dedup::set_row(EventId id, DedupTicket ticket, std::uint64_t row) {
  State& s = *state_;
  std::uint32_t hash = MemoryIds::short_hash(id_hash(id, s.config.hash_seed));
  // Where no entry has moved since, this one has not.
  std::uint64_t number = ticket.number;
  if (ticket.moves != s.memory.moves()) {
    auto found = s.memory.probe(id, hash);
    FRESHET_CHECK(found.slot != nullptr);
    number = found.number;
  }
  s.memory.set_row(hash, number, id, row);
}

void Dedup::expire(std::int64_t now_us, std::uint64_t first_row) {
  State& s = *state_;
  const Generations& generations = s.memory.generations();
  auto is_past = [&](const Generation& generation) {
    return generation.last_seen_us < now_us - s.config.horizon_us &&
           generation.rows_end <= first_row;
  };
  for (std::size_t i = 0; i < kPopsAtOnce && s.flushing == 0 && s.flushed == 0; ++i) {
    if (generations.empty() || !is_past(generations.all().front())) break;
    s.pop_oldest();
  }
  if (s.store != nullptr) {
    s.store->worker().note_time(now_us, first_row);
    s.spill();
  }
  // Without new events nothing else sweeps the stale slots.
  s.memory.sweep();
  s.settle();
}

Result<std::optional<DedupEntry>> Dedup::find(EventId id) const {
  std::uint64_t hash = id_hash(id, state_->config.hash_seed);
  // Memory first: what leaves it is in a run before.
  if (auto found = state_->memory.find(id, MemoryIds::short_hash(hash))) return found;
  return state_->find_in_runs({hash, id});
}

DedupState Dedup::hold_state() {
  DedupState held;
  if (state_->store != nullptr) {
    held.runs.hold = state_->store->worker().pin();
    held.runs.groups = state_->store->worker().pinned(held.runs.hold);
  }
  for (const Generation& generation : state_->memory.generations().all())
    held.memory.push_back({{generation.memory, generation.entries()}, generation.used});
  if (held.memory.empty()) return held;
  // The youngest is written to further on.
  DedupState::Piece& youngest = held.memory.back();
  Generation::Memory copy = Generation::make_memory(youngest.count);
  std::memcpy(copy->data(), youngest.entries.get(), sizeof(DedupEntry) * youngest.count);
  youngest.entries = {copy, reinterpret_cast<const DedupEntry*>(copy->data())};
  return held;
}

void Dedup::release_runs(std::uint64_t hold) {
  if (state_->store != nullptr) state_->store->worker().unpin(hold);
}

Result<std::uint64_t> Dedup::restore_runs(const std::vector<std::vector<std::uint64_t>>& groups) {
  State& s = *state_;
  if (s.store == nullptr) {
    if (groups.empty()) return std::uint64_t{0};
    return Error(Code::kInvalid, 3454, "there are runs of event ids, but no folder for them");
  }
  FRESHET_CHECK(!s.is_ready);
  FRESHET_TRY_STATUS(s.store->worker().restore(groups));
  s.is_ready = true;
  s.filter_bytes = s.store->worker().filter().bytes();
  return s.store->worker().pin();
}

void Dedup::restore_entry(const DedupEntry& entry) {
  State& s = *state_;
  std::uint32_t hash = MemoryIds::short_hash(id_hash(entry.id, s.config.hash_seed));
  auto probe = s.memory.probe(entry.id, hash);
  if (probe.slot == nullptr) {
    s.memory.add(hash, probe, entry);
  } else {
    s.memory.renew(hash, probe, entry);
  }
}

std::optional<Error> Dedup::take_failure() {
  State& s = *state_;
  if (s.failure) return std::exchange(s.failure, std::nullopt);
  return s.store != nullptr ? s.store->worker().take_failure() : std::nullopt;
}

std::uint64_t Dedup::entry_count() const {
  return state_->memory.living() + (state_->store != nullptr ? state_->store->entries() : 0);
}

std::uint64_t Dedup::memory_bytes() const {
  return state_->charged.load(std::memory_order_relaxed);
}

DedupCounters Dedup::counters() const {
  DedupCounters result;
  if (state_->store != nullptr) result = state_->store->counters();
  result.memory_ids = state_->memory.living();
  return result;
}

}  // namespace freshet::dedup
