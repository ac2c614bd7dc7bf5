// Where files are kept that are written once and read whole or in parts: the archive's tables.
// One interface with three real sides: a folder of this machine, S3, and memory for tests.
//
//   FRESHET_TRY(auto store, open_object_store("s3://bucket/archive", settings));
//   FRESHET_TRY(auto info, store->put("day=1/a.parquet", bytes, PutCondition::if_absent()));
//
// Names are texts like "day=1/a b.parquet": UTF-8, segments parted by "/". Refused (FRS-3701): an
// empty name or segment, "." and "..", a leading "/", control characters, more than kNameBytesMax
// bytes, a segment of more than kSegmentBytesMax, and a first segment that starts with ".freshet"
// (the folder side's own files). Where an object "a" is, there should be no object "a/b": a folder
// cannot hold both and refuses the second (FRS-3711).
//
// Every call waits for a disk or a network, up to Settings' deadlines: never on a net or shard
// thread. Every call may come from any number of threads at once.
//
// After a crash: an object is there whole or not at all, never in part. A put that returned ok
// holds; so does everything that a put refused with "exists" has seen. A put that was cut off has
// happened, or not.
//
// Errors, apart from those of the disk (FRS-3001 no space, kNoSpace; 3004 permission; 3005 other):
//   FRS-3701 kInvalid      the name is refused
//   FRS-3702 kInvalid      the URL or the settings are
//   FRS-3703 kNotFound     there is no such object
//   FRS-3704 kExists       the condition of the put does not hold; definitely nothing was put
//   FRS-3705 kUnavailable  outcome unknown: the change may have happened, or may still happen
//   FRS-3706 kDenied       the store refuses this key; the message has its reason and what to do
//   FRS-3707 kUnavailable  the store cannot now, after all retries
//   FRS-3708 kTimeout      the deadline passed, before anything was changed
//   FRS-3709 kCorruption   what was read is not what was put, or the answer is not S3's
//   FRS-3710 kInvalid      too large for this call
//   FRS-3711 kInvalid      the folder has a file where the name needs a folder, or the reverse
//   FRS-3712 kDenied       no key was found to sign with
//   FRS-3713 kInvalid      the store refuses the request for another reason
//   FRS-3714 kInvalid      there is no such bucket
//   FRS-3715 kUnavailable  the server's certificate is not to be trusted
//   FRS-3716 kNoSpace      the store says that it is full
// After an error of put, put_file or remove that is not FRS-3705, the store is as it was before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "io/clock.h"
#include "io/disk.h"
#include "io/random.h"

namespace freshet::object_store {

inline constexpr std::size_t kNameBytesMax = 700;  // S3 takes 1024, our prefix included
inline constexpr std::size_t kSegmentBytesMax = 240;
inline constexpr std::size_t kPageObjectsMax = 1000;  // what S3 gives at once

struct ObjectInfo {
  std::string name;
  std::uint64_t bytes = 0;
  // Changes with the content; the same content may get the same again. For PutCondition::if_match
  // only: each side makes it in its own way. Empty from list on a folder, where it would cost
  // reading the object: ask head.
  std::string etag;
  // Microseconds since 1970 UTC, by the store's clock, which need not be ours. S3 gives seconds.
  std::int64_t modified_us = 0;
};

struct PutCondition {
  enum class Kind { kAlways, kIfAbsent, kIfMatch };
  Kind kind = Kind::kAlways;
  std::string etag;  // kIfMatch only

  // Replaces what is there.
  static PutCondition always() { return {Kind::kAlways, {}}; }
  // Of any number of writers at once exactly one is told ok; every other kExists.
  static PutCondition if_absent() { return {Kind::kIfAbsent, {}}; }
  // Replaces the object only while it has this etag, else kExists, also where there is none now.
  static PutCondition if_match(std::string expected) {
    return {Kind::kIfMatch, std::move(expected)};
  }
};

struct ListPage {
  std::vector<ObjectInfo> objects;  // by name, in order of bytes
  bool more = false;                // ask again, after the last name of this page
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Ok: on stable storage, and what the next get from anywhere gives. A lost answer is settled by
  // reading whether this very call's object is there; FRS-3705 only where that fails too. With
  // kIfAbsent this holds as long as nobody removes or replaces objects of such names meanwhile.
  virtual Result<ObjectInfo> put(const std::string& name, std::span<const std::byte> bytes,
                                 const PutCondition& condition) = 0;
  // The same from a local file, which must not change meanwhile; on S3 in parts where it is large.
  virtual Result<ObjectInfo> put_file(const std::string& name, const std::string& path,
                                      const PutCondition& condition) = 0;
  // The whole object; FRS-3710 above Settings::get_bytes_max.
  virtual Result<std::string> get(const std::string& name) = 0;
  // Up to `bytes` bytes from `offset` on: fewer only at the object's end, none at or behind it.
  virtual Result<std::string> get_range(const std::string& name, std::uint64_t offset,
                                        std::uint64_t bytes) = 0;
  virtual Result<ObjectInfo> head(const std::string& name) = 0;
  // Ok where there is no such object.
  virtual Status remove(const std::string& name) = 0;
  // Objects whose names start with `prefix` (any text, also part of a segment; "" for all) and are
  // greater than `after`; at most `count_max`, of 1 to kPageObjectsMax. Objects that come or go
  // between two pages may be missed or seen; all others are seen once. What another program has
  // put under a name that is refused here is left out.
  virtual Result<ListPage> list_page(const std::string& prefix, const std::string& after,
                                     std::size_t count_max) = 0;
  // "file:///data/archive/" or "s3://bucket/prefix/", with the "/" at its end.
  virtual const std::string& root_url() const = 0;

  // All pages.
  Result<std::vector<ObjectInfo>> list(const std::string& prefix);
  // "s3://bucket/prefix/day=1/a b.parquet": not percent-encoded, as table formats write it.
  std::string url_of(std::string_view name) const { return root_url() + std::string(name); }
  // The reverse; nothing where the URL is of another place.
  std::optional<std::string> name_of(std::string_view url) const;
};

// Whether the change that was asked for may have happened all the same (FRS-3705): read before
// deciding anything, and above all before removing what it may refer to.
bool outcome_is_unknown(const Error& error);

struct S3Settings {
  std::string endpoint_url;        // "" for AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, then AWS
  std::string region;              // "" for AWS_REGION, AWS_DEFAULT_REGION, the profile's
  std::optional<bool> path_style;  // unset: with an endpoint, or a bucket with a dot in its name
  std::string certificate_file;    // authorities in PEM in place of the system's; "" for those
  std::int64_t connect_timeout_us = 5'000'000;
  std::int64_t request_timeout_us = 60'000'000;  // one request; a part of a large file is one
  std::int64_t deadline_us = 180'000'000;        // one call with its retries; each part anew
  std::uint64_t part_bytes = 16ull << 20;        // S3 wants 5 MiB and more
  std::uint64_t multipart_above_bytes = 32ull << 20;
  // Asked before each retry: true gives up. Null: never.
  std::function<bool()> is_cancelled = nullptr;
};

struct Settings {
  std::string base_folder = ".";  // what "file:archive" is relative to
  std::uint64_t get_bytes_max = 1ull << 30;
  std::int64_t lock_wait_us = 30'000'000;         // folder: for another process's change
  std::int64_t temporary_age_us = 3'600'000'000;  // folder: older leftovers are removed at open
  S3Settings s3;
};

// What the store uses of the machine; simulation gives its own. All must outlive the store.
struct Machine {
  io::Disk& disk = io::system_disk();
  io::Clock& clock = io::system_clock();
  io::Random& random = io::system_random();
};

// "file:archive" (below base_folder), "file:///data/archive", "s3://bucket/prefix", or "memory:"
// for a new store that is gone with its object. A folder is made where it is missing and its
// leftovers are swept. S3 is not called: a wrong key or bucket shows at the first use.
Result<std::unique_ptr<ObjectStore>> open_object_store(const std::string& url,
                                                       const Settings& settings = {},
                                                       Machine machine = {});

}  // namespace freshet::object_store
