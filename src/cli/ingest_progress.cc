#include "cli/ingest_progress.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "cli/json.h"
#include "common/bytes.h"
#include "common/crc32c.h"

namespace freshet::cli {

Result<IngestProgress> load_progress(const std::string& path) {
  IngestProgress progress;
  std::ifstream file(path);
  if (!file) return progress;
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) {
    return Error(Code::kInvalid,
                 fmt::format("{} is not a progress file; remove it, or give --restart", path));
  }
  progress.offset = (*parsed)["offset"].to_count();
  progress.events = (*parsed)["events"].to_count();
  progress.accepted = (*parsed)["accepted"].to_count();
  progress.duplicate = (*parsed)["duplicate"].to_count();
  progress.refused = (*parsed)["refused"].to_count();
  progress.filtered = (*parsed)["filtered"].to_count();
  progress.head_crc = static_cast<std::uint32_t>((*parsed)["head_crc"].to_count());
  return progress;
}

Status save_progress(const std::string& path, const IngestProgress& progress) {
  std::string beside = path + ".new";
  {
    std::ofstream file(beside, std::ios::trunc);
    file << fmt::format(
        "{{\"offset\":{},\"events\":{},\"accepted\":{},\"duplicate\":{},\"refused\":{},"
        "\"filtered\":{},\"head_crc\":{}}}\n",
        progress.offset, progress.events, progress.accepted, progress.duplicate, progress.refused,
        progress.filtered, progress.head_crc);
    if (!file.flush()) {
      return Error(Code::kIo,
                   fmt::format("{} cannot be written; name another with --state", beside));
    }
  }
  std::error_code failed;
  std::filesystem::rename(beside, path, failed);
  if (!failed) return ok();
  return Error(Code::kIo, fmt::format("{}: {}", path, failed.message()));
}

Result<std::uint32_t> crc_of_head(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(4096, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (file.bad()) return Error(Code::kIo, fmt::format("{} cannot be read", path));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return crc32c(0, as_bytes_of(head));
}

}  // namespace freshet::cli
