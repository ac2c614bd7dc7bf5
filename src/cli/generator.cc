#include "cli/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/time_text.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kRecentMax = 256;
constexpr std::size_t kCamerasPerSite = kGeneratedCameras / kGeneratedSites;
constexpr std::size_t kLocationsPerSite = kGeneratedLocations / kGeneratedSites;

struct Site {
  const char* name;
  const char* region;
  const char* timezone;
  double lat, lon;
};

constexpr Site kSites[kGeneratedSites] = {
    {"harbour", "north", "Europe/Berlin", 54.32, 10.14},
    {"airport", "north", "Europe/Berlin", 53.63, 9.99},
    {"market", "middle", "Europe/Berlin", 50.11, 8.68},
    {"station", "middle", "Europe/Berlin", 50.94, 6.96},
    {"bridge", "south", "Europe/Vienna", 48.21, 16.37},
    {"tunnel", "south", "Europe/Zurich", 46.52, 8.58},
};
constexpr const char* kPlaces[kLocationsPerSite] = {"gate", "lane", "junction", "yard"};
constexpr const char* kKinds[kLocationsPerSite] = {"entrance", "lane", "junction", "shelf"};

struct Item {
  const char* name;
  unsigned weight;
};
constexpr Item kItems[] = {{"car", 46}, {"person", 27}, {"truck", 9}, {"bicycle", 7},
                           {"bus", 5},  {"van", 4},     {"dog", 2}};
constexpr unsigned kWeights = 100;

const char* pick_item(std::uint64_t number) {
  auto left = static_cast<unsigned>(number % kWeights);
  for (const Item& item : kItems) {
    if (left < item.weight) return item.name;
    left -= item.weight;
  }
  return kItems[0].name;
}

std::size_t location_of(std::size_t camera) {
  std::size_t site = camera / kCamerasPerSite;
  return site * kLocationsPerSite + camera % kLocationsPerSite;
}

std::string location_id(std::size_t location) {
  return fmt::format("loc-{:02}", location + 1);
}

}  // namespace

std::string generated_camera_id(std::size_t camera) {
  return fmt::format("cam-{:02}", camera + 1);
}

EventGenerator::EventGenerator(GeneratorConfig config) : config_(config), random_(config.seed) {}

// UUIDv7 (RFC 9562 section 5.7), its randomness from the seed.
std::string EventGenerator::new_id(std::int64_t now_us) {
  auto ms = static_cast<std::uint64_t>(now_us / 1000) & 0xffff'ffff'ffff;
  std::uint64_t a = random_.next_u64(), b = random_.next_u64();
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", ms >> 16, ms & 0xffff, a & 0xfff,
                     0x8000 | (a >> 12 & 0x3fff), b & 0xffff'ffff'ffff);
}

std::string EventGenerator::good_event(std::int64_t now_us, std::size_t camera,
                                       const std::string& id) {
  double x = static_cast<double>(random_.below(850)) / 1000;
  double y = static_cast<double>(random_.below(750)) / 1000;
  double w = static_cast<double>(20 + random_.below(130)) / 1000;
  double h = static_cast<double>(30 + random_.below(220)) / 1000;
  std::string event = fmt::format(
      R"({{"id":"{}","cam":"{}","loc":"{}","item":"{}","conf":0.{:02},"bbox":[{:.3f},{:.3f},{:.3f},{:.3f}],"ts":{},"track":"{}"}})",
      id, generated_camera_id(camera), location_id(location_of(camera)),
      pick_item(random_.next_u64()), 35 + random_.below(65), x, y, w, h, now_us,
      random_.below(10'000));
  if (event.size() < config_.event_bytes) {
    // A longer track_id (at most 64 characters), then attributes.
    std::size_t lacking = config_.event_bytes - event.size();
    std::size_t digits = std::min<std::size_t>(lacking, 56);
    event.insert(event.size() - 2, std::string(digits, '0'));
    lacking -= digits;
    constexpr std::size_t kAround = sizeof(R"(,"attr":{"pad":""})") - 1;
    if (lacking > kAround) {
      event.insert(event.size() - 1,
                   fmt::format(R"(,"attr":{{"pad":"{}"}})", std::string(lacking - kAround, 'x')));
    } else {
      event.insert(event.size() - 1, std::string(lacking, ' '));
    }
  }
  return event;
}

std::string EventGenerator::malformed_event(std::int64_t now_us, std::size_t camera,
                                            const std::string& id) {
  std::string cam = generated_camera_id(camera);
  std::string time = format_rfc3339_us(now_us);
  switch (random_.below(kMalformedKinds)) {
    case 0: {  // cut in transit
      std::string event = good_event(now_us, camera, id);
      return event.substr(0, event.size() / 2);
    }
    case 1:  // no camera
      return fmt::format(R"({{"id":"{}","item":"car","ts":"{}"}})", id, time);
    case 2:  // no id
      return fmt::format(R"({{"cam":"{}","item":"car","ts":"{}"}})", cam, time);
    case 3:  // a percentage where a fraction belongs
      return fmt::format(R"({{"id":"{}","cam":"{}","item":"car","conf":87,"ts":"{}"}})", id, cam,
                         time);
    case 4:  // no time at all
      return fmt::format(R"({{"id":"{}","cam":"{}","item":"car","ts":"yesterday"}})", id, cam);
    case 5:  // a local time without its zone
      return fmt::format(R"({{"id":"{}","cam":"{}","item":"car","ts":"{}"}})", id, cam,
                         time.substr(0, 19));
    case 6:  // a clock that runs a year ahead
      return fmt::format(R"({{"id":"{}","cam":"{}","item":"car","ts":"{}"}})", id, cam,
                         format_rfc3339_us(now_us + 365ll * 86'400'000'000));
    default:  // not JSON
      return "\x01\x02 not JSON";
  }
}

GeneratedEvent EventGenerator::next(std::int64_t now_us) {
  double roll = static_cast<double>(random_.next_u64() >> 11) * 0x1p-53;
  ++made_;
  if (roll < config_.retry_share && !recent_.empty()) {
    GeneratedEvent again = recent_[random_.below(recent_.size())];
    again.kind = GeneratedEvent::Kind::kRetry;
    return again;
  }
  std::size_t camera = random_.below(kGeneratedCameras);
  GeneratedEvent event;
  event.camera_id = generated_camera_id(camera);
  event.id = new_id(now_us);
  if (roll < config_.retry_share + config_.malformed_share) {
    event.kind = GeneratedEvent::Kind::kMalformed;
    event.data = malformed_event(now_us, camera, event.id);
    return event;
  }
  event.data = good_event(now_us, camera, event.id);
  recent_.push_back(event);
  if (recent_.size() > kRecentMax) recent_.pop_front();
  return event;
}

std::string generated_cameras_csv() {
  std::string csv = "camera_id,location_id,name,heading_deg,frame_w,frame_h,vendor,model,enabled\n";
  constexpr const char* kVendors[] = {"Axis", "Bosch", "Hanwha"};
  for (std::size_t camera = 0; camera < kGeneratedCameras; ++camera) {
    std::size_t site = camera / kCamerasPerSite;
    csv += fmt::format("{},{},{} {},{},1920,1080,{},M{},true\n", generated_camera_id(camera),
                       location_id(location_of(camera)), kSites[site].name,
                       camera % kCamerasPerSite + 1, camera * 45 % 360, kVendors[camera % 3],
                       1000 + camera % 7);
  }
  return csv;
}

std::string generated_locations_csv() {
  std::string csv =
      "location_id,name,lat,lon,zone,site,region,kind,timezone,capacity,retention_class\n";
  for (std::size_t location = 0; location < kGeneratedLocations; ++location) {
    const Site& site = kSites[location / kLocationsPerSite];
    std::size_t place = location % kLocationsPerSite;
    csv += fmt::format("{},{} {},{:.4f},{:.4f},zone-{},{},{},{},{},{},standard\n",
                       location_id(location), site.name, kPlaces[place],
                       site.lat + static_cast<double>(place) * 0.001,
                       site.lon + static_cast<double>(place) * 0.001, place + 1, site.name,
                       site.region, kKinds[place], site.timezone, 50 + 25 * place);
  }
  return csv;
}

double day_rhythm(std::int64_t us_of_day, std::int64_t day_us) {
  double hour = 24.0 * static_cast<double>(us_of_day % day_us) / static_cast<double>(day_us);
  auto peak = [&](double at, double width) {
    double distance = std::min(std::abs(hour - at), 24 - std::abs(hour - at));
    return std::exp(-distance * distance / (2 * width * width));
  };
  double busy = 0.15 + 0.85 * std::max({peak(8, 1.5), 0.55 * peak(13, 3.5), peak(17.5, 2)});
  return std::min(busy, 1.0);
}

}  // namespace freshet::cli
