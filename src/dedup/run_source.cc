#include "dedup/run_source.h"

#include <algorithm>

namespace freshet::dedup {

using run_format::kPageBytes;

RunCursor::RunCursor(std::shared_ptr<const RunFile> run, std::uint64_t hash_seed,
                     std::uint64_t from, std::size_t buffer_pages)
    : run_(std::move(run)),
      hash_seed_(hash_seed),
      from_(from),
      buffer_(buffer_pages * kPageBytes),
      next_page_(run_->page_from(from)) {}

Status RunCursor::read_page() {
  if (next_page_ >= buffer_end_) {
    std::uint64_t count =
        std::min<std::uint64_t>(buffer_.size() / kPageBytes, run_->pages() - next_page_);
    FRESHET_TRY_STATUS(run_->read_pages(next_page_, std::span(buffer_).first(count * kPageBytes)));
    buffer_first_ = next_page_;
    buffer_end_ = next_page_ + count;
  }
  ConstPageBytes bytes(buffer_.data() + (next_page_ - buffer_first_) * kPageBytes, kPageBytes);
  FRESHET_TRY(PageReader reader, run_->check_page(next_page_, bytes));
  page_.assign(1, reader);
  index_ = 0;
  ++next_page_;
  return ok();
}

Result<const RunEntry*> RunCursor::next() {
  while (true) {
    if (page_.empty() || index_ == page_[0].size()) {
      if (next_page_ == run_->pages()) return nullptr;
      FRESHET_TRY_STATUS(read_page());
    }
    HashedId before = entry_.id;
    entry_.entry = page_[0].entry(index_++);
    entry_.id = {id_hash(entry_.entry.id, hash_seed_), entry_.entry.id};
    // A merge of what is not sorted would lose entries.
    if (entry_.id < before) {
      return run_damaged(run_->path(), run_format::page_offset(next_page_ - 1),
                         "the entries are not in order");
    }
    if (entry_.id.hash >= from_) return &entry_;
  }
}

bool MergedSource::later(const Head& left, const Head& right) {
  if (left.id != right.id) return left.id > right.id;
  return left.source < right.source;
}

Status MergedSource::pull(std::size_t source) {
  FRESHET_TRY(const RunEntry* next, sources_[source]->next());
  if (next == nullptr) return ok();
  heads_.push_back({next->id, next, source});
  std::push_heap(heads_.begin(), heads_.end(), later);
  return ok();
}

Result<const RunEntry*> MergedSource::next() {
  if (!started_) {
    started_ = true;
    for (std::size_t i = 0; i < sources_.size(); ++i) FRESHET_TRY_STATUS(pull(i));
  }
  if (heads_.empty()) return nullptr;
  bool is_first = true;
  // The newest copy comes first; older ones of the same id are passed over.
  while (!heads_.empty() && (is_first || heads_.front().id == entry_.id)) {
    std::pop_heap(heads_.begin(), heads_.end(), later);
    Head head = heads_.back();
    heads_.pop_back();
    if (is_first) entry_ = *head.entry;
    is_first = false;
    FRESHET_TRY_STATUS(pull(head.source));
  }
  return &entry_;
}

void MemorySource::sort() {
  // The later of two entries of an id in front.
  std::sort(sorted_.begin(), sorted_.end(), [](const Item& left, const Item& right) {
    if (left.hash != right.hash) return left.hash < right.hash;
    if (left.entry->id != right.entry->id) return left.entry->id < right.entry->id;
    return left.order > right.order;
  });
}

Result<const RunEntry*> MemorySource::next() {
  static constexpr std::size_t kPrefetchDistance = 16;
  while (next_ > 0 && next_ < sorted_.size() && sorted_[next_].is_same_id(sorted_[next_ - 1]))
    ++next_;
  if (next_ == sorted_.size()) return nullptr;
  if (next_ + kPrefetchDistance < sorted_.size())
    __builtin_prefetch(sorted_[next_ + kPrefetchDistance].entry);
  const Item& item = sorted_[next_++];
  entry_ = {{item.hash, item.entry->id}, *item.entry};
  return &entry_;
}

}  // namespace freshet::dedup
