#include "pipeline/checkpoint.h"

#include <fmt/format.h>

#include <limits>

#include "common/bytes.h"
#include "common/crc32c.h"

namespace freshet::pipeline {
namespace {

constexpr std::uint64_t kMagic = 0x31544E504B434846;  // "FHCKPNT1" in memory order
constexpr std::uint32_t kFormat = 2;

// Numbers little-endian, texts and lists behind their length.
class Writer {
 public:
  template <typename T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void text(std::string_view value) {
    number<std::uint32_t>(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  template <typename List, typename Each>
  void list(const List& values, Each each) {
    number<std::uint64_t>(values.size());
    for (const auto& value : values) each(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Whoever reads past the end gets zeros, and is_good() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T number() {
    if (!has(sizeof(T))) return T{};
    T value = load_le<T>(bytes_.data());
    bytes_.remove_prefix(sizeof(T));
    return value;
  }
  template <typename T>
  void number(T& to) {
    to = number<T>();
  }
  std::string text() {
    auto size = number<std::uint32_t>();
    if (!has(size)) return {};
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }
  template <typename T, typename Each>
  void list(std::vector<T>& to, Each each) {
    auto count = number<std::uint64_t>();
    // Each element has a byte at least.
    if (!has(count)) return;
    for (std::uint64_t i = 0; i < count && is_good_; ++i) each(to.emplace_back());
  }
  bool is_good() const { return is_good_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  bool has(std::uint64_t bytes) {
    is_good_ = is_good_ && bytes <= bytes_.size();
    return is_good_;
  }
  std::string_view bytes_;
  bool is_good_ = true;
};

void write_chunk(Writer& to, const hot::ChunkFile& file) {
  to.text(file.name);
  to.number(file.first_row);
  to.number(file.row_count);
  to.number(file.chunk_bytes);
  to.number(file.trailer_bytes);
  to.number(file.trailer_crc);
  to.number(file.disk_bytes);
}

void read_chunk(Reader& from, hot::ChunkFile& file) {
  file.name = from.text();
  from.number(file.first_row);
  from.number(file.row_count);
  from.number(file.chunk_bytes);
  from.number(file.trailer_bytes);
  from.number(file.trailer_crc);
  from.number(file.disk_bytes);
}

void write_ledger_row(Writer& to, const LedgerRow& row) {
  to.text(row.camera_id);
  to.number(row.minute_us);
  for (std::uint64_t count :
       {row.counts.received, row.counts.accepted, row.counts.duplicate, row.counts.late,
        row.counts.refused, row.counts.filtered, row.counts.erased})
    to.number(count);
}

void read_ledger_row(Reader& from, LedgerRow& row) {
  row.camera_id = from.text();
  from.number(row.minute_us);
  for (std::uint64_t* count :
       {&row.counts.received, &row.counts.accepted, &row.counts.duplicate, &row.counts.late,
        &row.counts.refused, &row.counts.filtered, &row.counts.erased})
    from.number(*count);
}

void write_stream(Writer& to, const StreamCheckpoint& stream) {
  to.number(stream.stream);
  to.number(stream.visible_from_us);
  to.number(stream.bytes);
  to.list(stream.samples, [&](const ByteSample& sample) {
    to.number(sample.position.value);
    to.number(sample.arrival_us);
    to.number(sample.bytes_before);
  });
  to.number(stream.plan);
  to.number(stream.ref_version);
  for (const TableCheckpoint& table : stream.tables) {
    to.number(table.begin);
    to.number(table.end);
    to.list(table.chunks, [&](const hot::ChunkFile& file) { write_chunk(to, file); });
  }
  to.list(stream.ledger, [&](const LedgerRow& row) { write_ledger_row(to, row); });
  to.list(stream.ids.runs, [&](const std::vector<std::uint64_t>& group) {
    to.list(group, [&](std::uint64_t run) { to.number(run); });
  });
  to.text(stream.ids.file);
  to.number(stream.ids.entries);
  to.number(stream.ids.crc);
}

void read_stream(Reader& from, StreamCheckpoint& stream) {
  from.number(stream.stream);
  from.number(stream.visible_from_us);
  from.number(stream.bytes);
  from.list(stream.samples, [&](ByteSample& sample) {
    from.number(sample.position.value);
    from.number(sample.arrival_us);
    from.number(sample.bytes_before);
  });
  from.number(stream.plan);
  from.number(stream.ref_version);
  for (TableCheckpoint& table : stream.tables) {
    from.number(table.begin);
    from.number(table.end);
    from.list(table.chunks, [&](hot::ChunkFile& file) { read_chunk(from, file); });
  }
  from.list(stream.ledger, [&](LedgerRow& row) { read_ledger_row(from, row); });
  from.list(stream.ids.runs, [&](std::vector<std::uint64_t>& group) {
    from.list(group, [&](std::uint64_t& run) { from.number(run); });
  });
  stream.ids.file = from.text();
  from.number(stream.ids.entries);
  from.number(stream.ids.crc);
}

// Whether the chunks hold the rows that the table says, and no file lies outside the folder.
bool is_whole(const TableCheckpoint& table) {
  if (table.begin > table.end) return false;
  hot::RowNumber next = table.chunks.empty() ? table.begin : table.chunks.front().first_row;
  if (next > table.begin) return false;
  for (const hot::ChunkFile& file : table.chunks) {
    if (file.first_row != next || file.row_count == 0) return false;
    if (file.name.empty() || file.name.find('/') != std::string::npos) return false;
    next += file.row_count;
  }
  return next == table.end;
}

}  // namespace

std::string checkpoint_bytes(const Checkpoint& checkpoint) {
  Writer to;
  to.number(kMagic);
  to.number(kFormat);
  to.number(checkpoint.data_directory_id);
  to.number(checkpoint.journal);
  to.number(checkpoint.position.value);
  to.number(checkpoint.arrival_us);
  to.list(checkpoint.references, [&](const ReferenceInForce& reference) {
    to.number(reference.version);
    to.number(reference.position.value);
  });
  to.list(checkpoint.streams, [&](const StreamCheckpoint& stream) { write_stream(to, stream); });
  std::string bytes = to.take();
  std::uint32_t crc = crc32c(0, as_bytes_of(bytes));
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return bytes;
}

Result<Checkpoint> read_checkpoint(std::string_view bytes, const std::string& where) {
  auto damaged = [&](const char* what) {
    return Error(
        Code::kCorruption, 3501,
        fmt::format("checkpoint {} is damaged: {}; an older one is taken, or the whole log", where,
                    what));
  };
  std::uint32_t crc = 0;
  if (bytes.size() < sizeof(kMagic) + sizeof(kFormat) + sizeof(crc)) return damaged("it is cut");
  std::string_view content = bytes.substr(0, bytes.size() - sizeof(crc));
  crc = load_le<std::uint32_t>(content.data() + content.size());
  if (crc32c(0, as_bytes_of(content)) != crc) return damaged("its checksum is wrong");
  Reader from(content);
  if (from.number<std::uint64_t>() != kMagic) return damaged("it does not begin as one");
  if (auto format = from.number<std::uint32_t>(); format != kFormat) {
    return Error(Code::kUnsupported, 3502,
                 fmt::format("checkpoint {} has format {}, this version writes format {}; the log "
                             "is read instead",
                             where, format, kFormat));
  }
  Checkpoint checkpoint;
  from.number(checkpoint.data_directory_id);
  from.number(checkpoint.journal);
  from.number(checkpoint.position.value);
  from.number(checkpoint.arrival_us);
  from.list(checkpoint.references, [&](ReferenceInForce& reference) {
    from.number(reference.version);
    from.number(reference.position.value);
  });
  from.list(checkpoint.streams, [&](StreamCheckpoint& stream) { read_stream(from, stream); });
  if (!from.is_good() || !from.at_end()) return damaged("its lists do not fit into it");
  for (const StreamCheckpoint& stream : checkpoint.streams) {
    for (const TableCheckpoint& table : stream.tables) {
      if (!is_whole(table)) return damaged("its chunks do not hold the rows that it names");
    }
  }
  return checkpoint;
}

}  // namespace freshet::pipeline
