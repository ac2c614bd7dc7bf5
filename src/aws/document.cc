#include "aws/document.h"

#include <cmath>

#include "common/base64.h"
#include "common/check.h"

namespace freshet::aws {

Document Document::blob(std::string bytes) {
  Document made;
  made.state_ = Blob{std::move(bytes)};
  return made;
}

Document Document::timestamp(std::int64_t ms) {
  Document made;
  made.state_ = Time{ms};
  return made;
}

Document Document::list() {
  Document made;
  made.state_ = List{};
  return made;
}

Document Document::map() {
  Document made;
  made.state_ = Map{};
  return made;
}

Document& Document::set(std::string name, Document value) & {
  FRESHET_CHECK(kind() == Kind::kMap);
  std::get<Map>(state_).push_back(Member{std::move(name), std::move(value)});
  return *this;
}

Document&& Document::set(std::string name, Document value) && {
  set(std::move(name), std::move(value));
  return std::move(*this);
}

Document& Document::push(Document value) & {
  FRESHET_CHECK(kind() == Kind::kList);
  std::get<List>(state_).push_back(std::move(value));
  return *this;
}

Document&& Document::push(Document value) && {
  push(std::move(value));
  return std::move(*this);
}

const Document* Document::find(std::string_view name) const {
  const Map* map = members();
  if (map == nullptr) return nullptr;
  for (const Member& member : *map) {
    if (member.name == name) return member.value.is_null() ? nullptr : &member.value;
  }
  return nullptr;
}

const Document::List* Document::items() const {
  return std::get_if<List>(&state_);
}

const Document::Map* Document::members() const {
  return std::get_if<Map>(&state_);
}

const std::string* Document::text() const {
  const Text* text = std::get_if<Text>(&state_);
  return text == nullptr ? nullptr : &text->value;
}

const std::string* Document::bytes() const {
  const Blob* blob = std::get_if<Blob>(&state_);
  return blob == nullptr ? nullptr : &blob->value;
}

std::optional<bool> Document::boolean() const {
  if (const bool* value = std::get_if<bool>(&state_)) return *value;
  return std::nullopt;
}

std::optional<std::int64_t> Document::integer() const {
  if (const std::int64_t* value = std::get_if<std::int64_t>(&state_)) return *value;
  if (const double* value = std::get_if<double>(&state_)) {
    // 2^63 itself is a double but no int64; its negative is both.
    if (std::trunc(*value) == *value && *value >= -0x1p63 && *value < 0x1p63) {
      return static_cast<std::int64_t>(*value);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Document::unsigned_integer() const {
  if (const std::uint64_t* value = std::get_if<std::uint64_t>(&state_)) return *value;
  std::optional<std::int64_t> value = integer();
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<double> Document::number() const {
  switch (kind()) {
    case Kind::kInteger:
      return static_cast<double>(std::get<std::int64_t>(state_));
    case Kind::kUnsigned:
      return static_cast<double>(std::get<std::uint64_t>(state_));
    case Kind::kDouble:
      return std::get<double>(state_);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> Document::blob_bytes() const {
  if (const std::string* plain = bytes()) return *plain;
  const std::string* encoded = text();
  if (encoded == nullptr) return std::nullopt;
  std::string decoded(base64_decoded_bytes_max(encoded->size()), '\0');
  std::ptrdiff_t count = base64_decode(*encoded, decoded.data());
  if (count < 0) return std::nullopt;
  decoded.resize(static_cast<std::size_t>(count));
  return decoded;
}

std::optional<std::int64_t> Document::timestamp_ms() const {
  if (const Time* time = std::get_if<Time>(&state_)) return time->ms;
  std::optional<double> seconds = number();
  // The bound keeps milliseconds, and microseconds made of them, inside 64 bits.
  if (!seconds || !(std::abs(*seconds) < 9e12)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(*seconds * 1000.0));
}

bool Document::operator==(const Document& other) const {
  return state_ == other.state_;
}

Result<Document> parse(const std::string& body, Encoding encoding) {
  return encoding == Encoding::kCbor ? parse_cbor(body) : parse_json(body);
}

std::string write(const Document& document, Encoding encoding) {
  std::string written;
  if (encoding == Encoding::kCbor) {
    write_cbor(document, written);
  } else {
    write_json(document, written);
  }
  return written;
}

}  // namespace freshet::aws
