#include "cli/fleet_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/generator.h"
#include "common/logging.h"

namespace freshet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = R"(# Made by freshet: 48 cameras at 6 sites.
[streams.detections]
partitions = 2

[reference.cameras]
from = "cameras.csv"
key = "camera_id"

[reference.locations]
from = "locations.csv"
key = "location_id"

[pipelines.detections]
from = "detections"
into = "detections"
join = [{ table = "cameras", on = "camera_id", as = "cam" },
        { table = "locations", on = "location_id", as = "loc" }]
sql = """
  SELECT detection_id, event_time, camera_id, location_id, track_id,
         lower(item_name) AS item_name, confidence, bbox, media_ref, cam.heading_deg,
         loc.name AS location_name, loc.site AS site, loc.zone AS zone, loc.region AS region,
         loc.retention_class AS retention_class
  FROM batch WHERE coalesce(confidence, 1) >= 0.30"""

[tables.detections]
keys = ["camera_id", "location_id"]
)";

Status write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (file.flush()) return ok();
  return Error(Code::kIo, fmt::format("{} cannot be written: {}", path.string(), strerror(errno)));
}

}  // namespace

Result<std::string> write_fleet_files(const std::string& directory) {
  fs::path folder(directory);
  FRESHET_TRY_STATUS(write_file(folder / "cameras.csv", generated_cameras_csv()));
  FRESHET_TRY_STATUS(write_file(folder / "locations.csv", generated_locations_csv()));
  FRESHET_TRY_STATUS(write_file(folder / "freshet.toml", kConfig));
  return (folder / "freshet.toml").string();
}

Result<TemporaryFolder> TemporaryFolder::make(const std::string& parent) {
  std::error_code failed;
  fs::path inside = parent.empty() ? fs::temp_directory_path(failed) : fs::path(parent);
  std::string pattern = (inside / "freshet-XXXXXX").string();
  if (failed || mkdtemp(pattern.data()) == nullptr) {
    return Error(Code::kIo, fmt::format("no folder can be made in {}: {}; name another with "
                                        "--directory or TMPDIR",
                                        inside.string(), strerror(errno)));
  }
  return TemporaryFolder(std::move(pattern));
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty() || is_kept_) return;
  std::error_code failed;
  fs::remove_all(path_, failed);
  if (failed) log_warning("folder not removed", {{"path", path_}, {"error", failed.message()}});
}

}  // namespace freshet::cli
