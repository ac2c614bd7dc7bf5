#include "server/gate/wildcard.h"

#include <string.h>

namespace freshet::gate {

namespace {

// The parts between stars may each be taken at their first place: a later one leaves no more room
// for what follows. memmem(3) finds one in linear time.
bool take_part(std::string_view part, std::string_view& text) {
  if (part.empty()) return true;
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  if (found == nullptr) return false;
  text.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) +
                     part.size());
  return true;
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t first = pattern.find('*');
  if (first == std::string_view::npos) return pattern == text;
  std::size_t last = pattern.rfind('*');
  std::string_view head = pattern.substr(0, first);
  std::string_view tail = pattern.substr(last + 1);
  if (text.size() < head.size() + tail.size()) return false;
  if (!text.starts_with(head) || !text.ends_with(tail)) return false;
  text = text.substr(head.size(), text.size() - head.size() - tail.size());
  pattern = pattern.substr(first, last - first);
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // the star
    std::size_t star = pattern.find('*');
    if (!take_part(pattern.substr(0, star), text)) return false;
    pattern = star == std::string_view::npos ? std::string_view() : pattern.substr(star);
  }
  return true;
}

}  // namespace freshet::gate
