// The CBOR (RFC 8949) that the AWS SDKs for Java send and read: https://github.com/aws uses
// Jackson's writer, so indefinite lengths occur in requests; our answers have definite ones.
#include <bit>
#include <cmath>

#include "aws/document.h"
#include "aws/member_names.h"
#include "common/check.h"

namespace freshet::aws {

namespace {

// Major types, RFC 8949 section 3.1.
enum class Major : std::uint8_t {
  kUnsigned = 0,
  kNegative = 1,
  kBytes = 2,
  kText = 3,
  kArray = 4,
  kMap = 5,
  kTag = 6,
  kSimple = 7,
};
constexpr std::uint8_t kIndefinite = 31;
constexpr std::uint64_t kTimeTag = 1;

Error not_cbor(std::string_view why, std::size_t at) {
  return Error(Code::kInvalid, "the body is not valid CBOR: " + std::string(why) + " at byte " +
                                   std::to_string(at));
}

bool valid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() - i <= more) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    bool overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += more + 1;
  }
  return true;
}

double half_to_double(std::uint16_t half) {
  int exponent = (half >> 10) & 31;
  int mantissa = half & 1023;
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent != 31 ? std::ldexp(mantissa + 1024, exponent - 25)
                 : mantissa == 0  ? HUGE_VAL
                                  : std::nan("");
  return (half & 0x8000) != 0 ? -value : value;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<Document> whole() {
    FRESHET_TRY(Document document, value(0));
    if (at_ != bytes_.size()) return fail("more bytes follow the value");
    return document;
  }

 private:
  struct Head {
    Major major;
    std::uint8_t info;
    std::uint64_t argument;
  };

  Error fail(std::string_view why) const { return not_cbor(why, at_); }
  std::size_t left() const { return bytes_.size() - at_; }

  Result<Head> head() {
    if (left() == 0) return fail("the body ends early");
    auto initial = static_cast<std::uint8_t>(bytes_[at_++]);
    Head read{static_cast<Major>(initial >> 5), static_cast<std::uint8_t>(initial & 31), 0};
    if (read.info < 24) {
      read.argument = read.info;
      return read;
    }
    if (read.info == kIndefinite) return read;
    if (read.info > 27) return fail("a reserved length");
    std::size_t width = std::size_t{1} << (read.info - 24);
    if (left() < width) return fail("the body ends early");
    for (std::size_t i = 0; i < width; ++i) {
      read.argument = read.argument << 8 | static_cast<std::uint8_t>(bytes_[at_++]);
    }
    return read;
  }

  bool at_break() {
    if (left() == 0 || static_cast<std::uint8_t>(bytes_[at_]) != 0xff) return false;
    ++at_;
    return true;
  }

  Result<Document> value(std::size_t depth) {
    if (depth > kDocumentDepthMax) return fail("it nests too deep");
    FRESHET_TRY(Head read, head());
    switch (read.major) {
      case Major::kUnsigned:
        if (read.info == kIndefinite) return fail("an integer without a length");
        return Document(read.argument);
      case Major::kNegative:
        return negative(read);
      case Major::kBytes: {
        FRESHET_TRY(std::string bytes, string_of(read));
        return Document::blob(std::move(bytes));
      }
      case Major::kText: {
        FRESHET_TRY(std::string text, text_of(read));
        return Document(std::move(text));
      }
      case Major::kArray:
        return list(read, depth);
      case Major::kMap:
        return map(read, depth);
      case Major::kTag:
        return tagged(read, depth);
      case Major::kSimple:
        return simple(read);
    }
    return fail("an unknown kind of value");
  }

  Result<Document> negative(const Head& read) {
    if (read.info == kIndefinite) return fail("an integer without a length");
    if (read.argument > static_cast<std::uint64_t>(INT64_MAX)) {
      return fail("an integer below 64 bits");
    }
    return Document(-1 - static_cast<std::int64_t>(read.argument));
  }

  Result<std::string> piece(std::uint64_t bytes) {
    if (bytes > left()) return fail("a string longer than the body");
    std::string read(bytes_.substr(at_, bytes));
    at_ += bytes;
    return read;
  }

  // A byte or text string, whole or in pieces of its own kind.
  Result<std::string> string_of(const Head& read) {
    if (read.info != kIndefinite) return piece(read.argument);
    std::string joined;
    while (!at_break()) {
      FRESHET_TRY(Head part, head());
      if (part.major != read.major || part.info == kIndefinite) {
        return fail("a foreign piece inside a string");
      }
      FRESHET_TRY(std::string bytes, piece(part.argument));
      joined += bytes;
    }
    return joined;
  }

  Result<std::string> text_of(const Head& read) {
    FRESHET_TRY(std::string text, string_of(read));
    if (!valid_utf8(text)) return fail("a text that is not UTF-8");
    return text;
  }

  Result<Document> list(const Head& read, std::size_t depth) {
    // Each item takes a byte at least, so a count above that is a lie not worth a reservation.
    if (read.info != kIndefinite && read.argument > left()) return fail("a list that is too long");
    Document made = Document::list();
    for (std::uint64_t i = 0; read.info == kIndefinite ? !at_break() : i < read.argument; ++i) {
      FRESHET_TRY(Document item, value(depth + 1));
      made.push(std::move(item));
    }
    return made;
  }

  Result<Document> map(const Head& read, std::size_t depth) {
    if (read.info != kIndefinite && read.argument > left() / 2)
      return fail("a map that is too long");
    Document made = Document::map();
    for (std::uint64_t i = 0; read.info == kIndefinite ? !at_break() : i < read.argument; ++i) {
      FRESHET_TRY(Head name_head, head());
      if (name_head.major != Major::kText) return fail("a member name that is not text");
      FRESHET_TRY(std::string name, text_of(name_head));
      FRESHET_TRY(Document member, value(depth + 1));
      made.set(std::move(name), std::move(member));
    }
    if (auto twice = repeated_name(*made.members())) {
      return fail("member \"" + *twice + "\" is named twice in one map");
    }
    return made;
  }

  Result<Document> tagged(const Head& read, std::size_t depth) {
    if (read.info == kIndefinite || read.argument != kTimeTag) return fail("an unknown tag");
    FRESHET_TRY(Document ms, value(depth + 1));
    if (ms.kind() != Document::Kind::kInteger) {
      return fail("a time that is not an integer of milliseconds");
    }
    return Document::timestamp(*ms.integer());
  }

  Result<Document> simple(const Head& read) {
    switch (read.info) {
      case 20:
        return Document(false);
      case 21:
        return Document(true);
      case 22:  // null
      case 23:  // undefined
        return Document();
      case 25:
        return Document(half_to_double(static_cast<std::uint16_t>(read.argument)));
      case 26:
        return Document(double{std::bit_cast<float>(static_cast<std::uint32_t>(read.argument))});
      case 27:
        return Document(std::bit_cast<double>(read.argument));
      default:
        return fail("an unknown simple value");
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

void put_big_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    to += static_cast<char>(value >> shift & 0xff);
  }
}

void put_head(std::string& to, Major major, std::uint64_t argument) {
  auto initial = static_cast<std::uint8_t>(static_cast<std::uint8_t>(major) << 5);
  if (argument < 24) {
    to += static_cast<char>(initial | argument);
    return;
  }
  int width_log2 = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
  to += static_cast<char>(initial | (24 + width_log2));
  put_big_endian(to, argument, 1 << width_log2);
}

void put_string(std::string& to, Major major, const std::string& bytes) {
  put_head(to, major, bytes.size());
  to += bytes;
}

void put_integer(std::string& to, std::int64_t value) {
  if (value >= 0) return put_head(to, Major::kUnsigned, static_cast<std::uint64_t>(value));
  put_head(to, Major::kNegative, static_cast<std::uint64_t>(-(value + 1)));
}

}  // namespace

Result<Document> parse_cbor(std::string_view bytes) {
  return Reader(bytes).whole();
}

void write_cbor(const Document& document, std::string& to) {
  switch (document.kind()) {
    case Document::Kind::kNull:
      to += '\xf6';
      return;
    case Document::Kind::kBool:
      to += *document.boolean() ? '\xf5' : '\xf4';
      return;
    case Document::Kind::kInteger:
      return put_integer(to, *document.integer());
    case Document::Kind::kUnsigned:
      return put_head(to, Major::kUnsigned, *document.unsigned_integer());
    case Document::Kind::kDouble:
      to += '\xfb';
      return put_big_endian(to, std::bit_cast<std::uint64_t>(*document.number()), 8);
    case Document::Kind::kText:
      return put_string(to, Major::kText, *document.text());
    case Document::Kind::kBlob:
      return put_string(to, Major::kBytes, *document.bytes());
    case Document::Kind::kTimestamp:
      put_head(to, Major::kTag, kTimeTag);
      return put_integer(to, *document.timestamp_ms());
    case Document::Kind::kList:
      put_head(to, Major::kArray, document.items()->size());
      for (const Document& item : *document.items()) write_cbor(item, to);
      return;
    case Document::Kind::kMap:
      put_head(to, Major::kMap, document.members()->size());
      for (const Document::Member& member : *document.members()) {
        put_string(to, Major::kText, member.name);
        write_cbor(member.value, to);
      }
      return;
  }
}

}  // namespace freshet::aws
