// The text that names a cut: what an answer was computed from (`Freshet-Cut`), and what a reader
// may wait for (`after`). Opaque to clients: "v1,detections@1099511627777+3", and where
// rows have been removed from the archive how often: "v1,detections@1099511627777+3~1".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/position.h"

namespace freshet::query {

struct CutPoint {
  Position position;
  std::uint32_t ref_version = 0;  // 0: not said
  // How often rows had been removed from the archive (pipeline::ArchivedPart::rewrites), of the
  // stream's archived tables by name; zeros at the end are left out.
  std::vector<std::uint32_t> rewrites = {};
  friend bool operator==(const CutPoint&, const CutPoint&) = default;
};

using CutToken = std::map<std::string, CutPoint, std::less<>>;  // by stream

std::string format_cut_token(const CutToken& token);
// kInvalid, FRS-5010.
Result<CutToken> parse_cut_token(std::string_view text);

}  // namespace freshet::query
