#include "aws/member_names.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace freshet::aws {

namespace {

// Below this, comparing each pair is quicker than sorting.
constexpr std::size_t kPairwiseMax = 12;

std::optional<std::string> repeated_pairwise(const Document::Map& map) {
  for (std::size_t i = 1; i < map.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (map[i].name == map[j].name) return map[i].name;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> repeated_name(const Document::Map& map) {
  if (map.size() <= kPairwiseMax) return repeated_pairwise(map);
  std::vector<std::string_view> names;
  names.reserve(map.size());
  for (const Document::Member& member : map) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin == names.end()) return std::nullopt;
  return std::string(*twin);
}

}  // namespace freshet::aws
