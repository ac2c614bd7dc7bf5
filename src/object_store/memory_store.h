// Objects in memory, and everything that an object store may do at its worst: for tests and
// simulation. Thread-safe; a hook is called on the caller's thread without any lock.
#pragma once

#include <functional>
#include <map>

#include "common/mutex.h"
#include "object_store/object_store.h"

namespace freshet::object_store {

enum class Operation { kPut, kGet, kHead, kRemove, kList };  // put_file is kPut, get_range kGet

// What happens to one operation.
enum class Fault {
  kNone,
  kRefuse,       // nothing is done: FRS-3707
  kLoseRequest,  // nothing is done, but a change is told "outcome unknown"; a read FRS-3707
  kLoseAnswer,   // done, and told the same
  kLandLater,    // a change: told "outcome unknown", and tried only at land_late(); else kRefuse
  kCorrupt,      // a put: a bit of what is stored is wrong; told ok
  kTruncate,     // a put: only half is stored; told ok
  kDie,          // nothing is done; this and every later call gets FRS-3707, until revive()
  kDieAfter,     // the same after it has been done
};

struct StoreCall {
  Operation operation;
  const std::string& name;  // of a list: the prefix
  std::uint64_t number;     // of this call, from 1
};

// Decides for each call. May advance a ManualClock, to be slow.
using FaultHook = std::function<Fault(const StoreCall&)>;

// In thousandths of the calls that each can happen to.
struct FaultRates {
  std::uint32_t refuse = 0;
  std::uint32_t lose_request = 0;
  std::uint32_t lose_answer = 0;
  std::uint32_t land_later = 0;
  std::uint32_t corrupt = 0;
  std::uint32_t truncate = 0;
};
// Draws from `random`, which must outlive it; one thread.
FaultHook seeded_faults(const FaultRates& rates, io::Random& random);

class MemoryStore : public ObjectStore {
 public:
  explicit MemoryStore(const Settings& settings = {}, Machine machine = {});

  Result<ObjectInfo> put(const std::string& name, std::span<const std::byte> bytes,
                         const PutCondition& condition) override;
  Result<ObjectInfo> put_file(const std::string& name, const std::string& path,
                              const PutCondition& condition) override;
  Result<std::string> get(const std::string& name) override;
  Result<std::string> get_range(const std::string& name, std::uint64_t offset,
                                std::uint64_t bytes) override;
  Result<ObjectInfo> head(const std::string& name) override;
  Status remove(const std::string& name) override;
  Result<ListPage> list_page(const std::string& prefix, const std::string& after,
                             std::size_t count_max) override;
  const std::string& root_url() const override { return root_url_; }

  void set_hook(FaultHook hook);
  void revive();
  // Requests on their way arrive, in the order in which they were sent.
  void land_late();
  std::uint64_t call_count() const;
  // Bit rot; the object must be there and have that byte.
  void flip(const std::string& name, std::uint64_t offset, std::uint8_t mask);

 private:
  struct Object {
    std::string content;
    std::string etag;
    std::int64_t modified_us = 0;
  };
  struct Change {
    std::string name;
    std::string content;
    PutCondition condition;
    bool is_removal = false;
  };
  using Objects = std::map<std::string, Object, std::less<>>;

  Result<ObjectInfo> change(Operation operation, Change change);
  Result<ObjectInfo> apply(const Change& change) FRESHET_REQUIRES(mutex_);
  Result<Fault> begin(Operation operation, const std::string& name);
  Status begin_read(Operation operation, const std::string& name);
  Result<Objects::const_iterator> find(const std::string& name) const FRESHET_REQUIRES(mutex_);
  ObjectInfo info_of(const std::string& name, const Object& object) const;

  const std::string root_url_ = "memory:/";
  const std::uint64_t get_bytes_max_;
  Machine machine_;
  mutable Mutex mutex_;
  FaultHook hook_ FRESHET_GUARDED_BY(mutex_);
  Objects objects_ FRESHET_GUARDED_BY(mutex_);
  std::vector<Change> late_ FRESHET_GUARDED_BY(mutex_);
  std::uint64_t calls_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::uint64_t versions_ FRESHET_GUARDED_BY(mutex_) = 0;
  bool is_dead_ FRESHET_GUARDED_BY(mutex_) = false;
};

}  // namespace freshet::object_store
