#include "server/console/event_outcomes.h"

#include <algorithm>

namespace freshet::console {
namespace {

struct FoundRow {
  const hot::ChunkView* chunk = nullptr;
  std::uint32_t row = 0;
};

// A table's snapshot with the columns that outcomes are read from.
class OutcomeRows {
 public:
  OutcomeRows(const pipeline::Cut& cut, const std::string& table) {
    auto found = cut.tables.find(table);
    if (found == cut.tables.end()) return;
    snapshot_ = &found->second;
    position_ = snapshot_->schema().find("position");
  }

  std::optional<FoundRow> find(Position position) const {
    if (snapshot_ == nullptr || !position_) return std::nullopt;
    const auto& chunks = snapshot_->chunks();
    auto chunk =
        std::partition_point(chunks.begin(), chunks.end(), [&](const hot::ChunkView& view) {
          return view.values_as<std::uint64_t>(*position_)[view.row_count() - 1] < position.value;
        });
    if (chunk == chunks.end()) return std::nullopt;
    const auto* values = chunk->values_as<std::uint64_t>(*position_);
    const auto* row =
        std::lower_bound(values + chunk->begin(), values + chunk->row_count(), position.value);
    if (row == values + chunk->row_count() || *row != position.value) return std::nullopt;
    return FoundRow{&*chunk, static_cast<std::uint32_t>(row - values)};
  }

  std::string text(const FoundRow& found, std::string_view column) const {
    std::optional<std::size_t> index = snapshot_->schema().find(column);
    if (!index || !found.chunk->is_valid(*index, found.row)) return "";
    return std::string(found.chunk->text_at(*index, found.row));
  }

  std::uint64_t number(const FoundRow& found, std::string_view column) const {
    std::optional<std::size_t> index = snapshot_->schema().find(column);
    return index ? found.chunk->values_as<std::uint64_t>(*index)[found.row] : 0;
  }

 private:
  const hot::Snapshot* snapshot_ = nullptr;
  std::optional<std::size_t> position_;
};

}  // namespace

std::optional<pipeline::TableInfo> table_of_stream(pipeline::TableService& tables,
                                                   std::string_view stream) {
  for (pipeline::TableInfo& info : tables.tables()) {
    if (info.stream == stream && info.name.find('$') == std::string::npos) return std::move(info);
  }
  return std::nullopt;
}

std::vector<EventOutcome> find_outcomes(const pipeline::Cut& cut, std::string_view table,
                                        std::span<const Position> positions) {
  std::string name(table);
  OutcomeRows rows(cut, name);
  OutcomeRows dead(cut, name + "$dead");
  OutcomeRows dupes(cut, name + "$dupes");
  std::vector<EventOutcome> outcomes;
  for (Position position : positions) {
    EventOutcome outcome;
    if (rows.find(position)) {
      outcome.outcome = "accepted";
    } else if (auto again = dupes.find(position)) {
      outcome.outcome = "duplicate";
      outcome.first_position = Position{dupes.number(*again, "first_position")};
    } else if (auto refused = dead.find(position)) {
      outcome.outcome = "refused";
      outcome.reason = dead.text(*refused, "reason");
      outcome.detail = dead.text(*refused, "detail");
    } else {
      outcome.outcome = "filtered";
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace freshet::console
