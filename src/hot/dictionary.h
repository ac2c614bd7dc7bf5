// Looking up a text in the dictionary of a column of a chunk. Readers and the writer share it.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "hot/layout.h"

namespace freshet::hot {

// The seed differs by table: with a known one, a client could choose camera names that all fall
// into one slot, and make each lookup walk the whole table.
inline std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

// A column's dictionary as it lies in a chunk. Reading is safe while the owner adds.
class DictionaryReader {
 public:
  DictionaryReader(const std::byte* base, const ColumnHeader& column, const ChunkHeader& chunk)
      : entries_(reinterpret_cast<const DictionaryEntry*>(base + column.entries_offset)),
        tables_(reinterpret_cast<const DictionarySlot*>(base + column.tables_offset)),
        heap_(reinterpret_cast<const char*>(base + chunk.heap_offset)) {}

  std::string_view text(std::uint32_t code) const {
    DictionaryEntry entry = entries_[code];
    return {heap_ + entry.offset, entry.bytes};
  }
  // The code of `text` in the table of `slot_count` slots. Where it is not there, `free_slot` is
  // the slot it would take.
  std::optional<std::uint32_t> find(std::string_view text, std::uint64_t hash,
                                    std::uint32_t slot_count, std::uint32_t* free_slot) const {
    const DictionarySlot* slots = tables_ + (slot_count - kSlotsMin);
    std::uint32_t mask = slot_count - 1;
    for (std::uint32_t at = static_cast<std::uint32_t>(hash) & mask;; at = (at + 1) & mask) {
      // Acquire: the entry and its text were written before the slot.
      DictionarySlot slot = __atomic_load_n(&slots[at], __ATOMIC_ACQUIRE);
      if (slot == 0) {
        *free_slot = at;
        return std::nullopt;
      }
      if (slot >> 32 != hash >> 32) continue;
      std::uint32_t code = static_cast<std::uint32_t>(slot) - 1;
      if (this->text(code) == text) return code;
    }
  }

 private:
  const DictionaryEntry* entries_;
  const DictionarySlot* tables_;
  const char* heap_;
};

}  // namespace freshet::hot
