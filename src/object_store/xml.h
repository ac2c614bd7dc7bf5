// The XML of S3's answers, strictly: elements with text or children, the five named entities and
// numeric ones. A DOCTYPE, other entities, CDATA, comments and processing instructions are refused;
// attributes (S3 has xmlns) are read over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::object_store {

struct XmlElement {
  std::string name;
  std::string text;  // all of its own text, blanks included
  std::vector<XmlElement> children;

  // The first child of that name, or null.
  const XmlElement* child(std::string_view wanted) const;
  // The text of that child; "" where there is none.
  std::string_view text_of(std::string_view wanted) const;
};

struct XmlLimits {
  std::size_t depth_max = 8;
  std::size_t elements_max = 20'000;  // a page of 1,000 objects has some 8,000
  std::size_t bytes_max = 8 << 20;
};

// FRS-3709, saying what is wrong at which byte.
Result<XmlElement> parse_xml(std::string_view text, const XmlLimits& limits = {});

}  // namespace freshet::object_store
