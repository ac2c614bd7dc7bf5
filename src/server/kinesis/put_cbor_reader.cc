#include "server/kinesis/put_cbor_reader.h"

#include <simdjson.h>

namespace freshet::kinesis {
namespace {

// Major types and additional information of RFC 8949 section 3.
enum Major : std::uint8_t { kBytes = 2, kText = 3, kArray = 4, kMap = 5 };
constexpr std::uint8_t kIndefinite = 31;
constexpr char kBreak = '\xFF';

class UsualReader {
 public:
  UsualReader(PutBatchBuilder& builder, StreamReference& reference)
      : builder_(builder), reference_(reference), rest_(builder.body()) {}

  bool read() {
    bool whole = each_member([&](std::string_view name) {
      if (name == "StreamName") return read_own_text(reference_.name);
      if (name == "StreamARN") return read_own_text(reference_.arn);
      return name == "Records" && read_records();
    });
    return whole && rest_.empty() && records_given_ &&
           check_members(reference_, builder_.record_count()).has_value();
  }

 private:
  struct Head {
    std::uint64_t count = 0;
    bool indefinite = false;
  };

  bool read_head(Major wanted, Head& head) {
    if (rest_.empty()) return false;
    auto first = static_cast<unsigned char>(rest_[0]);
    if (first >> 5 != wanted) return false;
    rest_.remove_prefix(1);
    std::uint8_t more = first & 31;
    head = {.count = more, .indefinite = more == kIndefinite};
    if (more < 24 || head.indefinite) return true;
    if (more > 27) return false;
    std::size_t bytes = std::size_t{1} << (more - 24);
    if (rest_.size() < bytes) return false;
    head.count = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      head.count = head.count << 8 | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(bytes);
    return true;
  }

  bool at_break() {
    if (rest_.empty() || rest_[0] != kBreak) return false;
    rest_.remove_prefix(1);
    return true;
  }

  template <typename Read>
  bool each(const Head& head, Read read) {
    for (std::uint64_t i = 0; head.indefinite ? !at_break() : i < head.count; ++i) {
      if (!read()) return false;  // at the latest where the bytes end
    }
    return true;
  }

  // Calls read(name) with each member of a map, to read its value.
  template <typename Read>
  bool each_member(Read read) {
    Head head;
    if (!read_head(kMap, head)) return false;
    return each(head, [&] {
      std::string_view name;
      return read_string(kText, name) && read(name);
    });
  }

  bool read_string(Major major, std::string_view& string) {
    Head head;
    if (!read_head(major, head) || head.indefinite || head.count > rest_.size()) return false;
    string = rest_.substr(0, head.count);
    rest_.remove_prefix(head.count);
    return true;
  }

  bool read_once(Major major, std::optional<std::string_view>& view) {
    std::string_view string;
    if (view || !read_string(major, string)) return false;
    view = string;
    return major == kBytes || simdjson::validate_utf8(string.data(), string.size());
  }

  bool read_own_text(std::optional<std::string>& text) {
    std::optional<std::string_view> view;
    if (text || !read_once(kText, view)) return false;
    text = std::string(*view);
    return true;
  }

  bool read_records() {
    Head head;
    if (records_given_ || !read_head(kArray, head)) return false;
    records_given_ = true;
    return each(head, [&] {
      PutFields fields;
      bool whole = each_member([&](std::string_view name) {
        if (name == "Data") return read_once(kBytes, fields.data);
        if (name == "PartitionKey") return read_once(kText, fields.partition_key);
        return name == "ExplicitHashKey" && read_once(kText, fields.explicit_hash_key);
      });
      return whole && builder_.record_count() < kPutRecordsMax && builder_.add(fields).has_value();
    });
  }

  PutBatchBuilder& builder_;
  StreamReference& reference_;
  std::string_view rest_;
  bool records_given_ = false;
};

}  // namespace

bool read_usual_put_records(PutBatchBuilder& builder, StreamReference& reference) {
  return UsualReader(builder, reference).read();
}

}  // namespace freshet::kinesis
