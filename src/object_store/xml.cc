#include "object_store/xml.h"

#include <charconv>

#include "object_store/errors.h"

namespace freshet::object_store {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

void append_utf8(std::string& to, std::uint32_t point) {
  auto follow = [&](int shift) { to += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    to += static_cast<char>(point);
  } else if (point < 0x800) {
    to += static_cast<char>(0xC0 | (point >> 6));
    follow(0);
  } else if (point < 0x10000) {
    to += static_cast<char>(0xE0 | (point >> 12));
    follow(6);
    follow(0);
  } else {
    to += static_cast<char>(0xF0 | (point >> 18));
    follow(12);
    follow(6);
    follow(0);
  }
}

class Parser {
 public:
  Parser(std::string_view text, const XmlLimits& limits) : text_(text), limits_(limits) {}

  Result<XmlElement> document() {
    if (text_.size() > limits_.bytes_max) return fault("it is too long");
    if (text_.starts_with("<?xml ")) {
      std::size_t end = text_.find("?>");
      if (end == std::string_view::npos) return fault("its declaration has no end");
      at_ = end + 2;
    }
    skip_blanks();
    XmlElement root;
    FRESHET_TRY_STATUS(element(root, 1));
    skip_blanks();
    if (at_ != text_.size()) return fault("something follows the document");
    return root;
  }

 private:
  Error fault(std::string_view what) const {
    return Error(Code::kCorruption, kDamaged,
                 "the XML is not such as S3 sends: " + std::string(what) + ", at byte " +
                     std::to_string(at_));
  }
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  bool is_end() const { return at_ >= text_.size(); }
  void skip_blanks() {
    while (!is_end() && is_blank(text_[at_])) ++at_;
  }

  Result<std::string> name() {
    std::size_t begin = at_;
    if (is_end() || !is_name_start(text_[at_])) return fault("a name is missing");
    while (!is_end() && is_name(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Reads over name="value" up to "/>" or ">". True where the element ends here.
  Result<bool> rest_of_tag() {
    while (true) {
      skip_blanks();
      if (starts("/>") || starts(">")) {
        bool ends = starts("/>");
        at_ += ends ? 2 : 1;
        return ends;
      }
      FRESHET_TRY_STATUS(attribute());
    }
  }

  Status attribute() {
    FRESHET_TRY(std::string ignored, name());
    if (!starts("=\"") && !starts("='")) return fault("an attribute has no value");
    std::size_t end = text_.find(text_[at_ + 1], at_ + 2);
    if (end == std::string_view::npos) return fault("an attribute has no end");
    if (text_.substr(at_, end - at_).find('<') != std::string_view::npos) {
      return fault("an attribute holds \"<\"");
    }
    at_ = end + 1;
    return ok();
  }

  Status element(XmlElement& made, std::size_t depth) {
    if (depth > limits_.depth_max) return fault("it is nested too deeply");
    if (++elements_ > limits_.elements_max) return fault("it has too many elements");
    if (!starts("<")) return fault("an element is missing");
    ++at_;
    FRESHET_TRY(made.name, name());
    FRESHET_TRY(bool is_empty, rest_of_tag());
    if (is_empty) return ok();
    return content(made, depth);
  }

  Status content(XmlElement& made, std::size_t depth) {
    while (true) {
      FRESHET_TRY_STATUS(character_data(made.text));
      if (is_end()) return fault("it ends inside of an element");
      if (starts("</")) return end_tag(made.name);
      FRESHET_TRY_STATUS(element(made.children.emplace_back(), depth + 1));
    }
  }

  Status end_tag(const std::string& expected) {
    at_ += 2;
    FRESHET_TRY(std::string found, name());
    skip_blanks();
    if (found != expected || !starts(">")) return fault("an end tag is not of its element");
    ++at_;
    return ok();
  }

  // Up to the next "<".
  Status character_data(std::string& to) {
    while (!is_end() && text_[at_] != '<') {
      auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte < 0x20 && !is_blank(text_[at_])) return fault("a control character");
      if (byte == '&') {
        FRESHET_TRY_STATUS(entity(to));
      } else {
        to += text_[at_++];
      }
    }
    return ok();
  }

  Status entity(std::string& to) {
    struct Named {
      std::string_view text;
      char value;
    };
    static constexpr Named kNamed[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (const Named& named : kNamed) {
      if (!starts(named.text)) continue;
      to += named.value;
      at_ += named.text.size();
      return ok();
    }
    if (starts("&#")) return numeric_entity(to);
    return fault("an entity that is not known");
  }

  Status numeric_entity(std::string& to) {
    constexpr std::size_t kDigitsMax = 8;
    bool is_hex = starts("&#x");
    const char* begin = text_.data() + at_ + (is_hex ? 3 : 2);
    const char* end = text_.data() + text_.size();
    std::uint32_t point = 0;
    auto [stop, failed] = std::from_chars(begin, end, point, is_hex ? 16 : 10);
    bool is_whole = failed == std::errc() && stop != end && *stop == ';' &&
                    static_cast<std::size_t>(stop - begin) <= kDigitsMax;
    bool is_surrogate = point >= 0xD800 && point < 0xE000;
    if (!is_whole || point == 0 || point > 0x10FFFF || is_surrogate) {
      return fault("a numeric entity of no character");
    }
    append_utf8(to, point);
    at_ = static_cast<std::size_t>(stop + 1 - text_.data());
    return ok();
  }

  std::string_view text_;
  XmlLimits limits_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  for (const XmlElement& each : children) {
    if (each.name == wanted) return &each;
  }
  return nullptr;
}

std::string_view XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* found = child(wanted);
  return found == nullptr ? std::string_view() : found->text;
}

Result<XmlElement> parse_xml(std::string_view text, const XmlLimits& limits) {
  return Parser(text, limits).document();
}

}  // namespace freshet::object_store
