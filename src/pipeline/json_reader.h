// A strict JSON reader (RFC 8259) that never leaves its input: it validates UTF-8, escapes, numbers
// and depth, and says at which byte a text is wrong. A core: no I/O, clock, thread or allocation.
//
// Why one of our own: it reads in place (a record in a log block has no padding behind it), gives
// views into the input, and keeps numbers as decimals, which times need to be exact
// (docs/decisions/0450-own-event-reader.md).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
    if (at_ == end_ || *at_ != expected) [[unlikely]] {
      if (peek() != expected || at_ == end_) return false;
    }
    ++at_;
    return true;
  }
  // Takes `name` (its first `size` bytes, at most 16) if it comes next without white space.
  bool take_bytes(const char* name, std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < 16) return false;
#if defined(__SSE2__)
    __m128i theirs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
    __m128i ours = _mm_loadu_si128(reinterpret_cast<const __m128i*>(name));
    auto equal = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(theirs, ours)));
    if ((~equal & ((1u << size) - 1)) != 0) return false;
#else
    if (std::memcmp(at_, name, size) != 0) return false;
#endif
    at_ += size;
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
  bool read_special_byte(JsonString& to);
  // More than 19 digits: `digits` overflowed. Keeps the first 19 significant ones.
  static void cut_digits(JsonNumber& number);
  bool read_escape();
  bool read_multibyte();
  bool skip_members(char close, int depth);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  std::size_t error_offset_ = 0;
};

// How many of the next kJsonStep bytes come before one that ends a run of plain text: a quote, a
// backslash, a control character, a byte that is not ASCII.
#if defined(__SSE2__)
inline constexpr std::ptrdiff_t kJsonStep = 16;
inline int json_plain_bytes(const char* at) {
  __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  // Signed: bytes from 0x80 on are negative, so below a blank too.
  __m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  int special = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), other));
  return std::countr_zero(static_cast<unsigned>(special) | 1u << 16);
}
#else
inline constexpr std::ptrdiff_t kJsonStep = 8;
inline int json_plain_bytes(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  std::uint64_t word;
  std::memcpy(&word, at, 8);
  std::uint64_t quote = word ^ (kOnes * '"');
  std::uint64_t backslash = word ^ (kOnes * '\\');
  // The lowest flagged byte is exact; a borrow may flag others above it falsely.
  std::uint64_t special = (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
                           ((word - kOnes * 0x20) & ~word) | word) &
                          kHigh;
  return std::countr_zero(special) / 8;
}
#endif

inline bool is_json_plain(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

inline bool JsonReader::read_string(JsonString& to) {
  if (peek() != '"') return fail("expected a text in quotes");
  const char* first = ++at_;
  to.escaped = false;
  while (true) {
    if (end_ - at_ >= kJsonStep) {
      int plain = json_plain_bytes(at_);
      at_ += plain;
      if (plain == kJsonStep) continue;
    } else {
      while (at_ != end_ && is_json_plain(*at_)) ++at_;
      if (at_ == end_) return fail("a text is not closed");
    }
    if (*at_ == '"') break;
    if (!read_special_byte(to)) return false;
  }
  to.raw = {first, static_cast<std::size_t>(at_ - first)};
  ++at_;
  return true;
}

inline bool JsonReader::read_number(JsonNumber& to) {
  peek();
  const char* first = at_;
  const char* at = at_;
  auto digit = [&] { return at != end_ && static_cast<unsigned char>(*at - '0') <= 9; };
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;
  to.negative = at != end_ && *at == '-';
  if (to.negative) ++at;
  const char* whole = at;
  for (; digit(); ++at) digits = digits * 10 + static_cast<unsigned char>(*at - '0');
  if (at == whole) return fail_at("expected a value", at);
  if (*whole == '0' && at - whole > 1)
    return fail_at("a number begins with a zero too many", whole + 1);
  std::ptrdiff_t digit_count = at - whole;
  to.plain_integer = true;
  if (at != end_ && *at == '.') {
    to.plain_integer = false;
    const char* fraction = ++at;
    for (; digit(); ++at) digits = digits * 10 + static_cast<unsigned char>(*at - '0');
    if (at == fraction) return fail_at("a number lacks the digits behind its point", at);
    digit_count += at - fraction;
    exponent = static_cast<std::int32_t>(fraction - at);
  }
  if (at != end_ && (*at == 'e' || *at == 'E')) {
    to.plain_integer = false;
    ++at;
    bool down = at != end_ && *at == '-';
    if (at != end_ && (*at == '-' || *at == '+')) ++at;
    if (!digit()) return fail_at("a number lacks the digits of its exponent", at);
    std::int32_t written = 0;
    for (; digit(); ++at) {
      if (written < 1'000'000) written = written * 10 + (*at - '0');
    }
    exponent += down ? -written : written;
  }
  at_ = at;
  to.raw = {first, static_cast<std::size_t>(at - first)};
  to.digits = digits;
  to.exponent = exponent;
  if (digit_count > 19) cut_digits(to);
  return true;
}

}  // namespace freshet::pipeline
