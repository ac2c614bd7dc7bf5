// Reads the members of a request and collects what is wrong with their shapes, in the wording of
// the real service: "2 validation errors detected: Value '…' at 'streamName' failed to satisfy
// constraint: …; …". Values of the wrong kind are SerializationException, and win.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "common/result.h"

namespace freshet::kinesis {

enum class Pattern : std::uint8_t {
  kAny,
  kName,
  kStreamArn,
  kResourceArn,
  kHashKey,
  kSequenceNumber
};

struct TextRule {
  std::size_t length_min = 0;
  std::size_t length_max = SIZE_MAX;  // in characters
  Pattern pattern = Pattern::kAny;
  std::span<const std::string_view> values = {};  // an enumeration, where not empty
};
inline constexpr TextRule kNameRule{1, 128, Pattern::kName};
inline constexpr TextRule kStreamArnRule{1, 2048, Pattern::kStreamArn};
inline constexpr TextRule kResourceArnRule{1, 2048, Pattern::kResourceArn};
inline constexpr TextRule kNextTokenRule{1, 1'048'576};
inline constexpr TextRule kHashKeyRule{.pattern = Pattern::kHashKey};
inline constexpr TextRule kSequenceNumberRule{.pattern = Pattern::kSequenceNumber};
inline constexpr TextRule kTagKeyRule{1, 128};
inline constexpr TextRule kTagValueRule{0, 256};

struct IntegerRule {
  std::int64_t min = INT32_MIN;
  std::int64_t max = INT32_MAX;
};

// Unicode characters of UTF-8 text.
std::size_t character_count(std::string_view text);
bool matches(Pattern pattern, std::string_view text);

// Collects complaints about shapes. One request, one thread.
class ShapeErrors {
 public:
  // `path` as the service writes it: "records.1.member.partitionKey". `value` none: null.
  void add(std::string_view path, std::optional<std::string_view> value,
           std::string_view constraint);
  void check_text(std::string_view path, std::string_view text, const TextRule& rule);
  void take(const ShapeErrors& inner);
  Status status() const;

 private:
  std::vector<std::string> errors_;
};

class Input {
 public:
  explicit Input(const aws::Document& document, std::string path = "");

  // Each reads the member `name`; a missing one is an error only where `required`.
  enum Presence { kOptional, kRequired };
  std::optional<std::string> text(std::string_view name, const TextRule& rule,
                                  Presence presence = kOptional);
  std::optional<std::int64_t> integer(std::string_view name, const IntegerRule& rule,
                                      Presence presence = kOptional);
  std::optional<std::int64_t> timestamp_us(std::string_view name, Presence presence = kOptional);
  std::map<std::string, std::string> tags(std::string_view name, Presence presence = kOptional);
  std::vector<std::string> tag_keys(std::string_view name);
  // A structure inside this one: its complaints end up here by take().
  std::optional<Input> structure(std::string_view name, Presence presence = kOptional);
  void take(const Input& inner);

  // Everything wrong that was met so far.
  Status status() const;

 private:
  const aws::Document* member(std::string_view name, Presence presence);
  std::string path_of(std::string_view name) const;
  void wrong_kind(std::string_view name, std::string_view wanted);

  const aws::Document* document_;
  std::string path_;
  std::optional<Error> unreadable_;
  ShapeErrors shape_;
};

}  // namespace freshet::kinesis
