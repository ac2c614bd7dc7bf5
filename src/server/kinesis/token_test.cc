#include "server/kinesis/token.h"

#include <gtest/gtest.h>

#include "common/base64.h"

namespace freshet::kinesis {
namespace {

TokenSecret secret(int value) {
  TokenSecret bytes;
  bytes.fill(static_cast<std::byte>(value));
  return bytes;
}

ShardIterator iterator() {
  return {.stream = 3,
          .stream_name = std::string(128, 's'),
          .partition = 7,
          .position = Position{1ull << 41},
          .issued_us = 1'700'000'000'000'000};
}

TEST(Token, AnIteratorComesBackAndIsShortEnough) {
  TokenSealer sealer(secret(1));
  std::string text = sealer.seal(iterator());
  EXPECT_LE(text.size(), 512u);
  std::optional<ShardIterator> opened = sealer.open_iterator(text);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->stream, 3u);
  EXPECT_EQ(opened->stream_name, std::string(128, 's'));
  EXPECT_EQ(opened->partition, 7u);
  EXPECT_EQ(opened->position.value, 1ull << 41);
  EXPECT_EQ(opened->issued_us, 1'700'000'000'000'000);
}

TEST(Token, EveryFlippedBitIsForgery) {
  TokenSealer sealer(secret(1));
  std::string text = sealer.seal(iterator());
  std::string bytes(base64_decoded_bytes_max(text.size()), '\0');
  bytes.resize(static_cast<std::size_t>(base64_decode(text, bytes.data())));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string forged = bytes;
      forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
      ASSERT_FALSE(sealer.open_iterator(base64_encode(forged)).has_value()) << i << ":" << bit;
    }
  }
}

TEST(Token, CutLengthenedForeignAndEmptyTextsAreRefused) {
  TokenSealer sealer(secret(1));
  std::string text = sealer.seal(iterator());
  for (std::size_t length = 0; length < text.size(); ++length) {
    ASSERT_FALSE(sealer.open_iterator(text.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(sealer.open_iterator(text + "AAAA").has_value());
  EXPECT_FALSE(sealer.open_iterator(std::string(10'000, 'A')).has_value());
  EXPECT_FALSE(TokenSealer(secret(2)).open_iterator(text).has_value());
}

TEST(Token, AListTokenIsNoIterator) {
  TokenSealer sealer(secret(1));
  ShardListToken token;
  token.stream = 3;
  token.stream_name = "orders";
  token.after = 99;
  token.filter = ShardFilterType::kAtTimestamp;
  token.filter_us = 5;
  token.issued_us = 6;
  std::string text = sealer.seal(token);
  EXPECT_FALSE(sealer.open_iterator(text).has_value());
  EXPECT_FALSE(sealer.open_list_token(sealer.seal(iterator())).has_value());
  std::optional<ShardListToken> opened = sealer.open_list_token(text);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->stream_name, "orders");
  EXPECT_EQ(opened->after, 99u);
  EXPECT_EQ(opened->filter, ShardFilterType::kAtTimestamp);
  EXPECT_EQ(opened->filter_us, 5);
}

}  // namespace
}  // namespace freshet::kinesis
