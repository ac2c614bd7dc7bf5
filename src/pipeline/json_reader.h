// A strict JSON reader (RFC 8259) that never leaves its input: it validates UTF-8, escapes, numbers
// and depth, and says at which byte a text is wrong. A core: no I/O, clock, thread or allocation.
//
// Why one of our own: it reads in place (a record in a log block has no padding behind it), gives
// views into the input, and keeps numbers as decimals, which times need to be exact
// (docs/decisions/0400-own-event-reader.md).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace freshet::pipeline {

inline constexpr int kJsonDepthMax = 32;

struct JsonString {
  std::string_view raw;  // between the quotes
  bool escaped = false;  // holds a backslash: the text is what append_unescaped() makes of it
};

// digits × 10^exponent; `digits` holds the first 19 significant ones.
struct JsonNumber {
  std::string_view raw;
  bool negative = false;
  bool plain_integer = false;  // no point, no exponent: digits as they stand
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;

  // The nearest double; infinite where the number is too large for one.
  double to_double() const;
};

// Appends the UTF-8 text that a valid raw string stands for.
void append_unescaped(JsonString text, std::string& to);
// Appends a number's one spelling: all significant digits, no others, in the notation of
// ECMAScript's Number::toString (1.50 and 15e-1 are 1.5; -0 is 0).
void append_canonical_number(const JsonNumber& number, std::string& to);
// Appends `text` (UTF-8) as a JSON string in its one spelling: only what must be escaped is.
void append_quoted(std::string_view text, std::string& to);

class JsonReader {
 public:
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // The next byte that is not white space, not taken; 0 at the end.
  char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  // Takes `expected` if it comes next.
  bool take(char expected) {
    if (peek() != expected || at_ == end_) return false;
    ++at_;
    return true;
  }
  bool at_end() { return peek() == '\0' && at_ == end_; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  // What stands between two offsets.
  std::string_view slice(std::size_t from, std::size_t to) const {
    return {begin_ + from, to - from};
  }

  // Each reads one value that begins at the next byte; false with error() set where it is wrong.
  bool read_string(JsonString& to);
  bool read_number(JsonNumber& to);
  bool read_literal(std::string_view word);  // true, false, null
  bool skip_value(int depth = 0);

  bool fail(const char* what) { return fail_at(what, at_); }
  const char* error() const { return error_; }  // null: no error
  std::size_t error_offset() const { return error_offset_; }

 private:
  bool fail_at(const char* what, const char* where) {
    error_ = what;
    error_offset_ = static_cast<std::size_t>(where - begin_);
    return false;
  }
  bool read_escape();
  bool read_multibyte();
  bool skip_members(char close, int depth);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  std::size_t error_offset_ = 0;
};

// Bytes of a word that end a run of plain text: quote, backslash, control, not ASCII. The lowest
// flagged byte is exact, the ones above it may be flagged falsely by a borrow.
inline std::uint64_t json_special_bytes(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  std::uint64_t quote = word ^ (kOnes * '"');
  std::uint64_t backslash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
          ((word - kOnes * 0x20) & ~word) | word) &
         kHigh;
}

inline bool JsonReader::read_string(JsonString& to) {
  if (peek() != '"') return fail("expected a text in quotes");
  const char* first = ++at_;
  to.escaped = false;
  while (true) {
    if (end_ - at_ >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at_, 8);
      std::uint64_t special = json_special_bytes(word);
      if (special == 0) {
        at_ += 8;
        continue;
      }
      at_ += std::countr_zero(special) / 8;
    }
    if (at_ == end_) return fail("a text is not closed");
    auto byte = static_cast<unsigned char>(*at_);
    if (byte == '"') break;
    if (byte == '\\') {
      to.escaped = true;
      if (!read_escape()) return false;
    } else if (byte < 0x20) {
      return fail("a control character stands unescaped in a text");
    } else if (byte >= 0x80) {
      if (!read_multibyte()) return false;
    } else {
      ++at_;
    }
  }
  to.raw = {first, static_cast<std::size_t>(at_ - first)};
  ++at_;
  return true;
}

inline bool JsonReader::read_number(JsonNumber& to) {
  peek();
  const char* first = at_;
  auto digit = [&] { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; };
  to = {};
  to.plain_integer = true;
  if (at_ != end_ && *at_ == '-') {
    to.negative = true;
    ++at_;
  }
  if (!digit()) return fail("expected a value");
  int significant = 0;
  auto add = [&](int exponent_step) {
    if (significant < 19) {
      to.digits = to.digits * 10 + static_cast<std::uint64_t>(*at_ - '0');
      if (to.digits != 0) ++significant;
      to.exponent -= exponent_step;
    } else {
      to.exponent += 1 - exponent_step;
    }
    ++at_;
  };
  if (*at_ == '0') {
    ++at_;
    if (digit()) return fail("a number begins with a zero too many");
  } else {
    while (digit()) add(0);
  }
  if (at_ != end_ && *at_ == '.') {
    to.plain_integer = false;
    ++at_;
    if (!digit()) return fail("a number lacks the digits behind its point");
    while (digit()) add(1);
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    to.plain_integer = false;
    ++at_;
    bool down = at_ != end_ && *at_ == '-';
    if (at_ != end_ && (*at_ == '-' || *at_ == '+')) ++at_;
    if (!digit()) return fail("a number lacks the digits of its exponent");
    std::int32_t exponent = 0;
    for (; digit(); ++at_) {
      if (exponent < 1'000'000) exponent = exponent * 10 + (*at_ - '0');
    }
    to.exponent += down ? -exponent : exponent;
  }
  to.raw = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

}  // namespace freshet::pipeline
