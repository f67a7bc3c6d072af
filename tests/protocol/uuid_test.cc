#include "protocol/uuid.h"

#include <random>

#include <gtest/gtest.h>

namespace shunt::protocol {
namespace {

TEST(Uuid, TextOfKnownIds) {
  EXPECT_EQ(Uuid{}.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
  Uuid one;
  one.bytes[15] = std::byte{1};
  EXPECT_EQ(one.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");  // Kafka's id of the metadata topic
  Uuid full;
  full.bytes.fill(std::byte{0xff});
  EXPECT_EQ(full.to_string(), "_____________________w");
}

TEST(Uuid, TextComesBack) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    Uuid uuid;
    for (auto& byte : uuid.bytes) byte = static_cast<std::byte>(random());
    EXPECT_EQ(Uuid::from_string(uuid.to_string()), uuid);
  }
}

TEST(Uuid, TextThatIsNoIdIsRefused) {
  for (const char* text : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA+",
                           "AAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAB"}) {
    EXPECT_FALSE(Uuid::from_string(text)) << text;
  }
}

TEST(Uuid, ZeroMeansNone) {
  EXPECT_TRUE(Uuid{}.is_zero());
  Uuid uuid;
  uuid.bytes[3] = std::byte{1};
  EXPECT_FALSE(uuid.is_zero());
  EXPECT_NE(std::hash<Uuid>{}(uuid), std::hash<Uuid>{}(Uuid{}));
}

}  // namespace
}  // namespace shunt::protocol
