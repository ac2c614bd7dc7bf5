#include "fixed_tables.h"

#include <array>

namespace freshet::query {
namespace {

using T = ColumnType;

constexpr std::int64_t kStartUs = 1'795'341'600'000'000;
constexpr std::uint64_t kFirstPosition = (std::uint64_t{1} << 40) + 10;

Schema detections_schema() {
  return {{{"detection_id", T::kUuid},
           {"event_time", T::kTimestamp},
           {"camera_id", T::kText},
           {"location_id", T::kText},
           {"item_name", T::kText},
           {"confidence", T::kDouble},
           {"bbox", T::kBox},
           {"track_id", T::kText},
           {"frame_no", T::kUInt64},
           {"attributes", T::kText},
           {"location_name", T::kText},
           {"site", T::kText},
           {"floor", T::kInt8},
           {"opened", T::kDate},
           {"score", T::kFloat},
           {"position", T::kUInt64},
           {"sub_position", T::kUInt32},
           {"partition", T::kText},
           {"ingest_time", T::kTimestamp},
           {"ref_version", T::kUInt32},
           {"late", T::kBool}}};
}

ColumnBatch detections() {
  static constexpr std::array<std::string_view, 3> kCameras{"c1", "c2", "c3"};
  static constexpr std::array<std::string_view, 3> kLocations{"north", "south", "nowhere"};
  static constexpr std::array<std::string_view, 2> kNames{"North gate, lane 2",
                                                          "South \"old\" gate"};
  static constexpr std::array<std::string_view, 4> kItems{"car", "person", "truck", "bus"};
  static constexpr std::array<std::string_view, 4> kTracks{"a", "a track with a long name", "7",
                                                           ""};
  ColumnBatch rows(detections_schema());
  auto& c = rows.columns;
  for (std::uint64_t i = 0; i < 24; ++i) {
    std::size_t place = i % 3;
    c[0].append(EventId{0x0190'0000'0000'7000ull + i, 0x8000'0000'0000'0000ull + i});
    c[1].append(kStartUs + static_cast<std::int64_t>(i) * 2'000'000 + (i % 5 == 4 ? 500'000 : 0));
    c[2].append(kCameras[place]);
    c[3].append(kLocations[place]);
    c[4].append(kItems[i % 4]);
    i % 6 == 5 ? c[5].append_null() : c[5].append(0.3 + 0.025 * static_cast<double>(i));
    i % 4 == 3 ? c[6].append_null()
               : c[6].append(Box{static_cast<std::uint16_t>(i * 1'000), 0, 13'107, 65'535});
    i % 8 == 7 ? c[7].append_null() : c[7].append(kTracks[i % 4]);
    c[8].append(i / 2);
    i % 2 == 1 ? c[9].append_null()
               : c[9].append(std::string_view(R"({"colour":"red","plate":{"text":"AB 12"}})"));
    place == 2 ? c[10].append_null() : c[10].append(kNames[place]);
    place == 2 ? c[11].append_null() : c[11].append(std::string_view("Utrecht"));
    c[12].append(static_cast<std::int8_t>(static_cast<int>(place) - 1));
    c[13].append(static_cast<std::int32_t>(20'000 + static_cast<int>(place)));
    c[14].append(0.1f * static_cast<float>(i));
    c[15].append(kFirstPosition + i * 3);
    c[16].append(std::uint32_t{0});
    c[17].append(std::string_view(place == 0 ? "shardId-000000000000" : "shardId-000000000001"));
    c[18].append(kStartUs + 60'000'000 + static_cast<std::int64_t>(i));
    c[19].append(static_cast<std::uint32_t>(i < 12 ? 1 : 2));
    c[20].append(i == 20);
  }
  return rows;
}

void add_outcomes(ModelTables& tables) {
  Schema dead{{{"reason", T::kText},
               {"detail", T::kText},
               {"detection_id", T::kText},
               {"camera_id", T::kText},
               {"raw", T::kBlob},
               {"position", T::kUInt64}}};
  tables.add("detections$dead", dead, 8);
  ColumnBatch rows(dead);
  rows.columns[0].append(std::string_view("parse"));
  rows.columns[1].append(std::string_view("not JSON, line 1:7"));
  rows.columns[2].append_null();
  rows.columns[3].append_null();
  rows.columns[4].append(std::string_view("{\"id\":\xff\x00", 8));
  rows.columns[5].append(kFirstPosition + 1);
  tables.append("detections$dead", rows);
  Schema dupes{
      {{"detection_id", T::kText}, {"first_position", T::kUInt64}, {"position", T::kUInt64}}};
  tables.add("detections$dupes", dupes, 8);
  ColumnBatch again(dupes);
  again.columns[0].append(std::string_view("01900000-0000-7003-8000-000000000003"));
  again.columns[1].append(kFirstPosition + 9);
  again.columns[2].append(kFirstPosition + 10);
  tables.append("detections$dupes", again);
}

}  // namespace

std::unique_ptr<ModelTables> make_fixed_tables() {
  auto tables = std::make_unique<ModelTables>("detections");
  tables->add("detections", detections_schema(), 8);
  tables->append("detections", detections());
  add_outcomes(*tables);
  pipeline::LedgerDelta delta;
  for (int i = 0; i < 24; ++i) {
    delta.add(i % 3 == 0   ? "c1"
              : i % 3 == 1 ? "c2"
                           : "c3",
              kStartUs + 60'000'000, pipeline::Outcome::kAccepted);
  }
  delta.add("c1", kStartUs + 60'000'000, pipeline::Outcome::kDuplicate);
  delta.add("", kStartUs + 120'000'000, pipeline::Outcome::kRefused);
  tables->count(delta);
  tables->publish(Position{kFirstPosition + 72});
  return tables;
}

}  // namespace freshet::query
