#include "replicate/identity.h"

#include <array>
#include <cstring>

#include <xxhash.h>

namespace shunt::replicate {

namespace {

constexpr int hash_bits = 46;
constexpr std::uint64_t own_range = std::uint64_t{1} << 62;

// A seed that says what is hashed, so that equal bytes of different meaning do not meet.
constexpr XXH64_hash_t tag_seed = 1;
constexpr XXH64_hash_t topic_id_seed = 2;
constexpr XXH64_hash_t topic_name_seed = 3;

XXH64_hash_t hash_of(const protocol::Uuid& topic_id, std::string_view name) {
  return topic_id == protocol::Uuid{} ? XXH64(name.data(), name.size(), topic_name_seed)
                                      : XXH64(&topic_id, sizeof topic_id, topic_id_seed);
}

}  // namespace

std::uint16_t flow_tag(std::string_view source_alias, std::string_view target_alias) {
  const XXH64_hash_t source = XXH64(source_alias.data(), source_alias.size(), tag_seed);
  return static_cast<std::uint16_t>(XXH64(target_alias.data(), target_alias.size(), source) >> 48);
}

protocol::ProducerId flow_identity(std::uint16_t tag, const protocol::Uuid& target_topic_id,
                                   std::string_view target_topic, protocol::PartitionIndex partition,
                                   std::string_view source_topic) {
  const XXH64_hash_t topics = XXH64(source_topic.data(), source_topic.size(), hash_of(target_topic_id, target_topic));
  // Little-endian whatever the machine: two instances on different machines are one identity.
  std::array<unsigned char, 4> index{};
  for (std::size_t i = 0; i < index.size(); ++i) {
    index[i] = static_cast<unsigned char>(static_cast<std::uint32_t>(partition.value()) >> (8 * i));
  }
  const std::uint64_t hash = XXH64(index.data(), index.size(), topics) & ((std::uint64_t{1} << hash_bits) - 1);
  return protocol::ProducerId(static_cast<std::int64_t>(own_range | std::uint64_t{tag} << hash_bits | hash));
}

bool carries_tag(protocol::ProducerId identity, std::uint16_t tag) {
  return identity.value() >> hash_bits == static_cast<std::int64_t>((own_range >> hash_bits) | tag);
}

bool are_of_one_flow(protocol::ProducerId one, protocol::ProducerId other) {
  return one.value() >> hash_bits == other.value() >> hash_bits;
}

}  // namespace shunt::replicate
