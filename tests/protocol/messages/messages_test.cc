// Every message in every version: what was written is read back, and no damaged body is taken for a message. Bytes are
// compared with Kafka's own classes in tests/conformance.
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "protocol/dump.h"
#include "protocol/messages/all.h"
#include "tests/support/random_message.h"

namespace shunt::protocol {
namespace {

/// Decodes from a heap block of exactly this size, so that AddressSanitizer sees a read beyond it.
template <class M>
std::optional<M> decode_exact(std::span<const std::byte> body, std::int16_t version, std::string* why = nullptr) {
  const auto copy = std::make_unique<std::byte[]>(body.size());
  std::ranges::copy(body, copy.get());
  return decode<M>({copy.get(), body.size()}, version, why);
}

template <class Check>
void for_every_version(Check check) {
  for_each_message([&]<class M>() {
    for (std::int16_t version = M::api.versions.min; version <= M::api.versions.max; ++version) {
      SCOPED_TRACE(message_name<M>() + " v" + std::to_string(version));
      check.template operator()<M>(version);
    }
  });
}

TEST(Messages, RoundTrip) {
  tests::RandomMessage random(1);
  for_every_version([&]<class M>(std::int16_t version) {
    for (int i = 0; i < 20; ++i) {
      const M message = random.make<M>(version);
      const Bytes body = encode(message, version);
      std::string why;
      const auto decoded = decode_exact<M>(body, version, &why);
      ASSERT_TRUE(decoded) << why << "\n" << dump(message, version);
      EXPECT_EQ(*decoded, message) << dump(message, version) << "\n" << dump(*decoded, version);
    }
  });
}

TEST(Messages, DefaultsRoundTripWhereTheyCanBeSaid) {
  for_every_version([&]<class M>(std::int16_t version) {
    Bytes body;
    try {
      body = encode(M{}, version);
    } catch (const EncodeError&) {
      return;  // null by default, and the version has no null
    }
    EXPECT_EQ(decode_exact<M>(body, version), M{});
  });
}

TEST(Messages, EveryTruncationIsRefused) {
  tests::RandomMessage random(2);
  for_every_version([&]<class M>(std::int16_t version) {
    const Bytes body = encode(random.make<M>(version), version);
    for (std::size_t size = 0; size < body.size(); ++size) {
      std::string why;
      ASSERT_FALSE(decode_exact<M>(std::span(body).first(size), version, &why)) << size << " of " << body.size();
      ASSERT_FALSE(why.empty());
    }
  });
}

TEST(Messages, OneByteMoreIsRefused) {
  tests::RandomMessage random(3);
  for_every_version([&]<class M>(std::int16_t version) {
    Bytes body = encode(random.make<M>(version), version);
    body.push_back(std::byte{0});
    EXPECT_FALSE(decode_exact<M>(body, version));
  });
}

TEST(Messages, DamageIsRefusedOrReadAsAnotherMessage) {
  tests::RandomMessage random(4);
  for_every_version([&]<class M>(std::int16_t version) {
    const Bytes body = encode(random.make<M>(version), version);
    for (std::size_t at = 0; at < body.size(); ++at) {
      Bytes damaged = body;
      damaged[at] = static_cast<std::byte>(random.below(256));
      const auto decoded = decode_exact<M>(damaged, version);
      // What is read can be said again, and means the same.
      if (decoded) {
        EXPECT_EQ(decode_exact<M>(encode(*decoded, version), version), decoded);
      }
    }
  });
}

TEST(Messages, KeysAreDistinctAndVersionsSensible) {
  std::set<std::int16_t> keys;
  for_each_message([&]<class M>() {
    keys.insert(M::api.key);
    EXPECT_LE(M::api.versions.min, M::api.versions.max);
    EXPECT_GE(M::api.versions.min, 0);
  });
  EXPECT_EQ(keys.size(), std::tuple_size_v<AllRequests>);
}

}  // namespace
}  // namespace shunt::protocol
