#include "common/base64.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace freshet {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  // Exactly the room that is asked for, so that a sanitizer sees a byte too many.
  std::string bytes(base64_decoded_bytes_max(text.size()), '\0');
  std::ptrdiff_t size = base64_decode(text, bytes.data());
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

std::string some_bytes(std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i) bytes.push_back(static_cast<char>(i * 167 + length));
  return bytes;
}

// RFC 4648 section 10.
TEST(Base64, KnownVectors) {
  const char* vectors[][2] = {{"", ""},
                              {"f", "Zg=="},
                              {"fo", "Zm8="},
                              {"foo", "Zm9v"},
                              {"foob", "Zm9vYg=="},
                              {"fooba", "Zm9vYmE="},
                              {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
  }
}

TEST(Base64, EveryLengthComesBack) {
  for (std::size_t length = 0; length < 200; ++length) {
    std::string bytes = some_bytes(length);
    EXPECT_EQ(decoded(base64_encode(bytes)), bytes) << length;
  }
}

TEST(Base64, DecodesWhereItStands) {
  for (std::size_t length = 0; length < 200; ++length) {
    std::string bytes = some_bytes(length);
    std::string text = base64_encode(bytes) + "guard";
    std::size_t text_bytes = text.size() - 5;
    ASSERT_EQ(base64_decode(std::string_view(text).substr(0, text_bytes), text.data()),
              static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(text.substr(0, length), bytes);
    EXPECT_EQ(text.substr(text_bytes), "guard");
  }
}

// Each of 256 values at each place of a text: good exactly where the alphabet has it.
TEST(Base64, EveryForeignCharacterIsRefusedAtEveryPlace) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text(64, 'A');
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = text;
      changed[place] = static_cast<char>(value);
      std::size_t known = alphabet.find(static_cast<char>(value));
      bool padding = value == '=' && place == text.size() - 1;
      std::optional<std::string> bytes = decoded(changed);
      ASSERT_EQ(bytes.has_value(), known != std::string::npos || padding) << place << " " << value;
      if (bytes && !padding) {
        ASSERT_EQ(base64_encode(*bytes), changed);
      }
    }
  }
}

TEST(Base64, OneTextAloneMeansGivenBytes) {
  for (const char* text : {"A", "AA", "AAA", "AAAAA", "AB==", "AAB=", "A===", "====", "=AAA",
                           "AA=A", "AA==AAAA", "AAA=AAAA", "AA A", "AAAA\n"}) {
    EXPECT_EQ(decoded(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace freshet
