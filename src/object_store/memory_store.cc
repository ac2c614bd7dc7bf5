#include "object_store/memory_store.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"
#include "object_store/errors.h"
#include "object_store/local_store_files.h"
#include "object_store/object_name.h"

namespace freshet::object_store {
namespace {

Error not_now(std::string_view why) {
  return Error(Code::kUnavailable, kNotNow,
               "the object store in memory " + std::string(why) + "; try again later");
}

bool is_change(Operation operation) {
  return operation == Operation::kPut || operation == Operation::kRemove;
}

void damage(std::string& content, Fault fault) {
  if (content.empty()) return;
  if (fault == Fault::kTruncate) content.resize(content.size() / 2);
  if (fault == Fault::kCorrupt) content[content.size() / 2] ^= 0x10;
}

}  // namespace

FaultHook seeded_faults(const FaultRates& rates, io::Random& random) {
  return [rates, &random](const StoreCall& call) {
    bool changes = is_change(call.operation);
    bool puts = call.operation == Operation::kPut;
    auto happens = [&](std::uint32_t rate) { return rate > 0 && random.below(1000) < rate; };
    if (happens(rates.refuse)) return Fault::kRefuse;
    if (happens(rates.lose_request)) return Fault::kLoseRequest;
    if (happens(rates.lose_answer)) return Fault::kLoseAnswer;
    if (changes && happens(rates.land_later)) return Fault::kLandLater;
    if (puts && happens(rates.corrupt)) return Fault::kCorrupt;
    if (puts && happens(rates.truncate)) return Fault::kTruncate;
    return Fault::kNone;
  };
}

MemoryStore::MemoryStore(const Settings& settings, Machine machine)
    : get_bytes_max_(settings.get_bytes_max), machine_(machine) {}

Result<ObjectInfo> MemoryStore::put(const std::string& name, std::span<const std::byte> bytes,
                                    const PutCondition& condition) {
  FRESHET_TRY_STATUS(check_name(name));
  return change(Operation::kPut, {name, std::string(as_string_view(bytes)), condition});
}

Result<ObjectInfo> MemoryStore::put_file(const std::string& name, const std::string& path,
                                         const PutCondition& condition) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY(auto file, machine_.disk.open(path, io::OpenMode::kRead));
  FRESHET_TRY(std::uint64_t bytes, file->size());
  FRESHET_TRY(std::string content, read_part(*file, 0, bytes));
  return change(Operation::kPut, {name, std::move(content), condition});
}

Status MemoryStore::remove(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  auto removed = change(Operation::kRemove, {name, {}, PutCondition::always(), true});
  return removed ? ok() : Status(std::move(removed).error());
}

// What the hook says of a call; an error where nothing is to be done.
Result<Fault> MemoryStore::begin(Operation operation, const std::string& name) {
  FaultHook hook;
  std::uint64_t number = 0;
  {
    MutexLock hold(mutex_);
    if (is_dead_) return not_now("is out of reach: its user has died");
    number = ++calls_;
    hook = hook_;
  }
  Fault fault = hook ? hook({operation, name, number}) : Fault::kNone;
  bool lands_never = fault == Fault::kLandLater && !is_change(operation);
  if (fault == Fault::kRefuse || lands_never) return not_now("was told to refuse");
  if (fault == Fault::kDie) {
    MutexLock hold(mutex_);
    is_dead_ = true;
    return not_now("is out of reach: its user has died");
  }
  return fault;
}

Status MemoryStore::begin_read(Operation operation, const std::string& name) {
  FRESHET_TRY(Fault fault, begin(operation, name));
  if (fault == Fault::kDieAfter) {
    MutexLock hold(mutex_);
    is_dead_ = true;
  }
  bool answered = fault == Fault::kNone || fault == Fault::kCorrupt || fault == Fault::kTruncate;
  return answered ? ok() : Status(not_now("was told to lose the answer"));
}

Result<ObjectInfo> MemoryStore::change(Operation operation, Change change) {
  FRESHET_TRY(Fault fault, begin(operation, change.name));
  std::string url = url_of(change.name);
  damage(change.content, fault);
  MutexLock hold(mutex_);
  if (fault == Fault::kLandLater) late_.push_back(std::move(change));
  if (fault == Fault::kLandLater || fault == Fault::kLoseRequest) {
    return outcome_unknown(url, "no answer");
  }
  auto changed = apply(change);
  if (fault == Fault::kDieAfter) is_dead_ = true;
  if (fault == Fault::kLoseAnswer || fault == Fault::kDieAfter) {
    return outcome_unknown(url, "no answer");
  }
  return changed;
}

Result<ObjectInfo> MemoryStore::apply(const Change& change) {
  auto found = objects_.find(change.name);
  bool is_there = found != objects_.end();
  if (change.is_removal) {
    if (is_there) objects_.erase(found);
    return ObjectInfo{change.name, 0, "", 0};
  }
  std::string url = url_of(change.name);
  if (change.condition.kind == PutCondition::Kind::kIfAbsent && is_there) {
    return condition_failed(url, "an object of that name");
  }
  if (change.condition.kind == PutCondition::Kind::kIfMatch) {
    if (!is_there) return condition_failed(url, "no object");
    if (found->second.etag != change.condition.etag) {
      return condition_failed(url, "one with another etag, " + found->second.etag);
    }
  }
  Object& object = objects_[change.name];
  object = {change.content, "v" + std::to_string(++versions_), machine_.clock.wall_us()};
  return info_of(change.name, object);
}

Result<MemoryStore::Objects::const_iterator> MemoryStore::find(const std::string& name) const {
  auto found = objects_.find(name);
  if (found == objects_.end()) return no_object(url_of(name));
  return found;
}

ObjectInfo MemoryStore::info_of(const std::string& name, const Object& object) const {
  return {name, object.content.size(), object.etag, object.modified_us};
}

Result<std::string> MemoryStore::get(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY_STATUS(begin_read(Operation::kGet, name));
  MutexLock hold(mutex_);
  FRESHET_TRY(auto found, find(name));
  const std::string& content = found->second.content;
  if (content.size() > get_bytes_max_) {
    return too_large(url_of(name), content.size(), get_bytes_max_);
  }
  return content;
}

Result<std::string> MemoryStore::get_range(const std::string& name, std::uint64_t offset,
                                           std::uint64_t bytes) {
  FRESHET_TRY_STATUS(check_name(name));
  if (bytes > get_bytes_max_) return too_large(url_of(name), bytes, get_bytes_max_);
  FRESHET_TRY_STATUS(begin_read(Operation::kGet, name));
  MutexLock hold(mutex_);
  FRESHET_TRY(auto found, find(name));
  const std::string& content = found->second.content;
  return offset >= content.size() ? std::string() : content.substr(offset, bytes);
}

Result<ObjectInfo> MemoryStore::head(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY_STATUS(begin_read(Operation::kHead, name));
  MutexLock hold(mutex_);
  FRESHET_TRY(auto found, find(name));
  return info_of(name, found->second);
}

Result<ListPage> MemoryStore::list_page(const std::string& prefix, const std::string& after,
                                        std::size_t count_max) {
  FRESHET_TRY_STATUS(check_prefix(prefix));
  FRESHET_TRY_STATUS(begin_read(Operation::kList, prefix));
  std::size_t count = std::clamp<std::size_t>(count_max, 1, kPageObjectsMax);
  ListPage page;
  MutexLock hold(mutex_);
  auto at = after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
  for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == count) {
      page.more = true;
      break;
    }
    page.objects.push_back(info_of(at->first, at->second));
  }
  return page;
}

void MemoryStore::set_hook(FaultHook hook) {
  MutexLock hold(mutex_);
  hook_ = std::move(hook);
}

void MemoryStore::revive() {
  MutexLock hold(mutex_);
  is_dead_ = false;
}

void MemoryStore::land_late() {
  MutexLock hold(mutex_);
  std::vector<Change> late;
  std::swap(late, late_);
  // Whether its condition holds when it arrives is nobody's business any more.
  for (const Change& change : late) static_cast<void>(apply(change));
}

std::uint64_t MemoryStore::call_count() const {
  MutexLock hold(mutex_);
  return calls_;
}

void MemoryStore::flip(const std::string& name, std::uint64_t offset, std::uint8_t mask) {
  MutexLock hold(mutex_);
  auto found = objects_.find(name);
  FRESHET_CHECK(found != objects_.end());
  FRESHET_CHECK(offset < found->second.content.size());
  char& byte = found->second.content[offset];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
}

}  // namespace freshet::object_store
