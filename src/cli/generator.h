// Seeded detections of a fleet that does not exist: the same seed and times give the same bytes.
// Pure: no clock, no I/O. Demo and bench share it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "io/random.h"

namespace freshet::cli {

struct GeneratedEvent {
  enum class Kind { kNew, kRetry, kMalformed };
  Kind kind = Kind::kNew;
  std::string camera_id;  // the partition key
  std::string id;         // "" where the event carries none
  std::string data;       // JSON, mostly
};

struct GeneratorConfig {
  std::uint64_t seed = 1;
  double retry_share = 0.01;
  double malformed_share = 0.001;
  std::size_t event_bytes = 174;  // of a good event, at least: shorter ones get a longer track_id
};

inline constexpr std::size_t kGeneratedCameras = 48;
inline constexpr std::size_t kGeneratedSites = 6;
inline constexpr std::size_t kGeneratedLocations = 24;
inline constexpr std::size_t kMalformedKinds = 8;

class EventGenerator {
 public:
  explicit EventGenerator(GeneratorConfig config);
  // An event that happens at `now_us`.
  GeneratedEvent next(std::int64_t now_us);

 private:
  std::string new_id(std::int64_t now_us);
  std::string good_event(std::int64_t now_us, std::size_t camera, const std::string& id);
  std::string malformed_event(std::int64_t now_us, std::size_t camera, const std::string& id);

  GeneratorConfig config_;
  io::SeededRandom random_;
  std::deque<GeneratedEvent> recent_;  // what may be sent again
  std::uint64_t made_ = 0;
};

// The reference tables that fit: cameras.csv, locations.csv.
std::string generated_cameras_csv();
std::string generated_locations_csv();
std::string generated_camera_id(std::size_t camera);

// How busy it is at that time of day, 0.15 .. 1: quiet at night, a morning and an evening peak.
double day_rhythm(std::int64_t us_of_day, std::int64_t day_us);

}  // namespace freshet::cli
