#include "http/chunked_decoder.h"

#include <algorithm>

namespace freshet::http {

namespace {

constexpr int kSizeDigitsMax = 8;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::feed(std::string_view& bytes, std::string* body) {
  while (!bytes.empty() && !done_) {
    if (step_ == Step::kData) {
      std::size_t taken = std::min<std::uint64_t>(left_, bytes.size());
      if (body != nullptr) body->append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) step_ = Step::kDataReturn;
      continue;
    }
    if (!take_symbol(bytes.front())) return State::kMalformed;
    bytes.remove_prefix(1);
  }
  return done_ ? State::kDone : State::kMore;
}

bool ChunkedDecoder::take_symbol(char symbol) {
  switch (step_) {
    case Step::kSize:
      if (int value = hex_value(symbol); value >= 0) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        return ++digits_ <= kSizeDigitsMax;
      }
      step_ = Step::kSizeLineFeed;
      return symbol == '\r' && digits_ > 0;
    case Step::kSizeLineFeed:
      announced_bytes_ += left_;
      step_ = left_ == 0 ? Step::kEndReturn : Step::kData;
      return symbol == '\n';
    case Step::kDataReturn:
      step_ = Step::kDataLineFeed;
      return symbol == '\r';
    case Step::kDataLineFeed:
      step_ = Step::kSize;
      digits_ = 0;
      return symbol == '\n';
    case Step::kEndReturn:
      step_ = Step::kEnd;
      return symbol == '\r';
    case Step::kEnd:
      done_ = true;
      return symbol == '\n';
    case Step::kData:
      break;
  }
  return false;
}

}  // namespace freshet::http
