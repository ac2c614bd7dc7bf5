// The chunks of a table at one moment: copied on each change, shared by snapshots as it is.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "hot/chunk.h"

namespace freshet::hot {

struct ChunkList {
  std::vector<std::shared_ptr<Chunk>> chunks;  // ascending by first_row
  std::vector<ChunkView> views;                // one each; row counts are as of the list's making

  void add(std::shared_ptr<Chunk> chunk) {
    ChunkView view;
    view.base_ = chunk->base();
    view.first_row_ = chunk->first_row();
    chunks.push_back(std::move(chunk));
    views.push_back(view);
  }
  // Views of the rows [begin, end), the table's rows going up to `end` at least.
  std::vector<ChunkView> views_of(RowNumber begin, RowNumber end) const {
    if (begin >= end) return {};
    auto starts_behind = [](RowNumber row, const ChunkView& view) { return row < view.first_row_; };
    auto last = std::upper_bound(views.begin(), views.end(), end - 1, starts_behind);
    auto first = std::upper_bound(views.begin(), last, begin, starts_behind);
    FRESHET_CHECK(first != views.begin());
    std::vector<ChunkView> visible(first - 1, last);
    for (std::size_t i = 0; i < visible.size(); ++i) {
      ChunkView& view = visible[i];
      RowNumber rows_end = i + 1 < visible.size() ? visible[i + 1].first_row_ : end;
      view.row_count_ = static_cast<std::uint32_t>(rows_end - view.first_row_);
      view.begin_ =
          begin > view.first_row_ ? static_cast<std::uint32_t>(begin - view.first_row_) : 0;
    }
    return visible;
  }
};

}  // namespace freshet::hot
