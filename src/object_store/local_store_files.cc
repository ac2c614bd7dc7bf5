#include "object_store/local_store_files.h"

#include <algorithm>
#include <vector>

#include "object_store/errors.h"

namespace freshet::object_store {

bool is_not_there(const Error& error) {
  return error.code() == Code::kNotFound;
}

Result<std::string> read_part(io::File& file, std::uint64_t offset, std::uint64_t bytes) {
  std::string part(bytes, '\0');
  FRESHET_TRY(std::size_t got, file.read(offset, std::as_writable_bytes(std::span(part))));
  if (got == bytes) return part;
  return Error(Code::kCorruption, kDamaged,
               "an object became shorter while it was read: no other program may change the files "
               "of an object store's folder");
}

Status read_pieces(io::File& file, const std::function<Status(std::span<const std::byte>)>& use) {
  constexpr std::size_t kPieceBytes = 1 << 20;
  FRESHET_TRY(std::uint64_t left, file.size());
  std::vector<std::byte> piece(std::min<std::uint64_t>(left, kPieceBytes));
  std::uint64_t offset = 0;
  while (true) {
    FRESHET_TRY(std::size_t got, file.read(offset, piece));
    if (got == 0) return ok();
    FRESHET_TRY_STATUS(use(std::span(piece).first(got)));
    offset += got;
  }
}

}  // namespace freshet::object_store
