// The value that every AWS request and answer is made of, and its two encodings: JSON
// (application/x-amz-json-1.x) and the old CBOR (application/x-amz-cbor-1.1).
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.h"

namespace freshet::aws {

enum class Encoding { kJson, kCbor };

// A plain value: copy it, move it, keep it. Not for paths that run once per event.
class Document {
 public:
  enum class Kind {
    kNull,
    kBool,
    kInteger,   // fits in 64 bits with sign
    kUnsigned,  // above that, up to 2^64 - 1
    kDouble,
    kText,
    kBlob,
    kTimestamp,  // milliseconds since 1970 UTC
    kList,
    kMap,  // keeps the order of its members; names are unique
  };
  struct Member;
  using List = std::vector<Document>;
  using Map = std::vector<Member>;

  Document() = default;
  Document(std::same_as<bool> auto value) : state_(value) {}  // NOLINT: implicit by design
  Document(double value);                                     // NOLINT: implicit by design
  Document(std::string text);                                 // NOLINT: implicit by design
  Document(std::string_view text);                            // NOLINT: implicit by design
  Document(const char* text);                                 // NOLINT: implicit by design
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Document(T value);  // NOLINT: implicit by design
  static Document blob(std::string bytes);
  static Document timestamp(std::int64_t ms);
  static Document list();
  static Document map();

  // Building. set() is for a map and a name it does not hold yet (not checked: writers know their
  // names); push() is for a list.
  Document& set(std::string name, Document value) &;
  Document&& set(std::string name, Document value) &&;
  Document& push(Document value) &;
  Document&& push(Document value) &&;

  // Reading. Each gives nothing where this is a value of another kind.
  Kind kind() const { return static_cast<Kind>(state_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  const Document* find(std::string_view name) const;  // a map's member that is not null
  const List* items() const;
  const Map* members() const;
  const std::string* text() const;
  const std::string* bytes() const;  // of a blob
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;  // a double without a fraction counts
  std::optional<std::uint64_t> unsigned_integer() const;
  std::optional<double> number() const;  // integers too
  // A blob, or base64 text, as JSON carries it.
  std::optional<std::string> blob_bytes() const;
  // A timestamp, or a number of seconds, as JSON carries it.
  std::optional<std::int64_t> timestamp_ms() const;

  bool operator==(const Document& other) const;

 private:
  // Own types, so that text, blob and time stay apart in the variant.
  struct Text {
    std::string value;
    bool operator==(const Text&) const = default;
  };
  struct Blob {
    std::string value;
    bool operator==(const Blob&) const = default;
  };
  struct Time {
    std::int64_t ms;
    bool operator==(const Time&) const = default;
  };
  // In the order of Kind.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Text, Blob, Time, List,
               Map>
      state_;
};

struct Document::Member {
  std::string name;
  Document value;
  bool operator==(const Member&) const = default;
};

// Here, not in the class: they need Member whole, as clang insists.
inline Document::Document(double value) : state_(value) {}
inline Document::Document(std::string text) : state_(Text{std::move(text)}) {}
inline Document::Document(std::string_view text) : state_(Text{std::string(text)}) {}
inline Document::Document(const char* text) : state_(Text{std::string(text)}) {}
template <std::integral T>
  requires(!std::same_as<T, bool>)
Document::Document(T value) {
  if (std::in_range<std::int64_t>(value)) {
    state_ = static_cast<std::int64_t>(value);
  } else {
    state_ = static_cast<std::uint64_t>(value);
  }
}

constexpr std::size_t kDocumentDepthMax = 64;

// Each refuses (kInvalid) what is not exactly one value, nests deeper than kDocumentDepthMax, or
// names a member twice. parse_json reads in place where `text` has 64 spare bytes of capacity.
Result<Document> parse_json(const std::string& text);
Result<Document> parse_cbor(std::string_view bytes);
Result<Document> parse(const std::string& body, Encoding encoding);

// JSON: blobs as base64, times as plain decimal seconds. CBOR: blobs as byte strings, times as
// tag 1 with integer milliseconds, as AWS reads them (RFC 8949 says seconds).
void write_json(const Document& document, std::string& to);
void write_cbor(const Document& document, std::string& to);
std::string write(const Document& document, Encoding encoding);

// `text` in quotes, escaped: for doors that write JSON by hand.
void append_json_text(std::string& to, std::string_view text);

}  // namespace freshet::aws
