#include "server/kinesis/hash_key.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "common/bytes.h"
#include "io/random.h"

namespace freshet::kinesis {
namespace {

std::string md5_decimal(std::string_view key) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  EVP_Digest(key.data(), key.size(), digest, &bytes, EVP_md5(), nullptr);
  HashKey value = 0;
  for (unsigned int i = 0; i < bytes; ++i) value = value << 8 | digest[i];
  return format_hash_key(value);
}

TEST(HashKey, DecimalTextComesBack) {
  for (const char* text : {"0", "1", "10", "340282366920938463463374607431768211455",
                           "170141183460469231731687303715884105728"}) {
    std::optional<HashKey> key = parse_hash_key(text);
    ASSERT_TRUE(key.has_value()) << text;
    EXPECT_EQ(format_hash_key(*key), text);
  }
}

TEST(HashKey, TextOutsideTheRangeIsRefused) {
  for (const char* text :
       {"", "00", "01", "-1", "1x", "340282366920938463463374607431768211456",
        "999999999999999999999999999999999999999", "1000000000000000000000000000000000000000"}) {
    EXPECT_FALSE(parse_hash_key(text).has_value()) << text;
  }
}

// RFC 1321 appendix A.5.
TEST(HashKey, PartitionKeysHashWithMd5) {
  EXPECT_EQ(hash_of_partition_key("a"),
            (HashKey{0x0cc175b9c0f1b6a8} << 64 | HashKey{0x31c399e269772661}));
  EXPECT_EQ(hash_of_partition_key("message digest"),
            (HashKey{0xf96b697d7cb7938d} << 64 | HashKey{0x525a2f31aaf161d0}));
}

// Far more keys than the memory has slots, each asked for again and again.
TEST(HashKey, RememberedKeysAreNeverMixedUp) {
  io::SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string key(1 + random.below(80), 'k');
    std::string number = std::to_string(random.below(3000));
    key.replace(0, std::min(key.size(), number.size()), number, 0, key.size());
    ASSERT_EQ(format_hash_key(hash_of_partition_key(key)), md5_decimal(key)) << key;
  }
}

}  // namespace
}  // namespace freshet::kinesis
