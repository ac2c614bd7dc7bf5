// Any bytes as an answer of S3: no crash, no endless nesting, pages in order, and what is read as
// XML reads the same when it is written again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "object_store/s3_answer.h"
#include "object_store/xml.h"

namespace {

using freshet::object_store::XmlElement;

void append_escaped(std::string& to, const std::string& text) {
  for (char c : text) {
    if (c == '<') {
      to += "&lt;";
    } else if (c == '&') {
      to += "&amp;";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      // A numeric entity may stand for what is refused where it stands itself.
      to += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      to += c;
    }
  }
}

void append_xml(std::string& to, const XmlElement& element) {
  to += "<" + element.name + ">";
  append_escaped(to, element.text);
  for (const XmlElement& child : element.children) append_xml(to, child);
  to += "</" + element.name + ">";
}

bool is_same(const XmlElement& left, const XmlElement& right) {
  if (left.name != right.name || left.text != right.text ||
      left.children.size() != right.children.size()) {
    return false;
  }
  for (std::size_t i = 0; i < left.children.size(); ++i) {
    if (!is_same(left.children[i], right.children[i])) return false;
  }
  return true;
}

std::size_t depth_of(const XmlElement& element) {
  std::size_t deepest = 0;
  for (const XmlElement& child : element.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

void check_xml(const std::string& text) {
  freshet::object_store::XmlLimits limits;
  auto root = freshet::object_store::parse_xml(text, limits);
  if (!root) {
    FRESHET_CHECK(root.error().number() == 3709);
    return;
  }
  FRESHET_CHECK(depth_of(*root) <= limits.depth_max);
  std::string written;
  append_xml(written, *root);
  // Escapes make a text longer.
  limits.bytes_max *= 8;
  auto again = freshet::object_store::parse_xml(written, limits);
  FRESHET_CHECK(again.has_value());
  FRESHET_CHECK(is_same(*root, *again));
}

void check_listing(const std::string& text) {
  auto listing = freshet::object_store::parse_listing(text);
  if (!listing) return;
  for (std::size_t i = 0; i < listing->objects.size(); ++i) {
    FRESHET_CHECK(!listing->objects[i].name.empty());
    if (i > 0) FRESHET_CHECK(listing->objects[i - 1].name < listing->objects[i].name);
  }
  FRESHET_CHECK(!listing->is_truncated || !listing->objects.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check_xml(text);
  check_listing(text);
  (void)freshet::object_store::refusal_of(text);
  (void)freshet::object_store::parse_http_date_us(text);
  return 0;
}
