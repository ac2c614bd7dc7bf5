// A chunked body (RFC 9112 section 7.1), read strictly: no extensions, no trailers, CRLF only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freshet::http {

class ChunkedDecoder {
 public:
  enum class State { kMore, kDone, kMalformed };

  // Takes bytes off the front of `bytes`, up to the end of the body, and appends the data to `body`
  // where it is not null.
  State feed(std::string_view& bytes, std::string* body);
  // Data bytes announced so far, those of the current chunk included: to refuse a body before it is
  // read.
  std::uint64_t announced_bytes() const { return announced_bytes_; }

 private:
  enum class Step { kSize, kSizeLineFeed, kData, kDataReturn, kDataLineFeed, kEndReturn, kEnd };
  bool take_symbol(char symbol);

  Step step_ = Step::kSize;
  int digits_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t announced_bytes_ = 0;
  bool done_ = false;
};

}  // namespace freshet::http
