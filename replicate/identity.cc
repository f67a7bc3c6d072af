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

}  // namespace

std::uint16_t flow_tag(std::string_view source_alias, std::string_view target_alias) {
  const XXH64_hash_t source = XXH64(source_alias.data(), source_alias.size(), tag_seed);
  return static_cast<std::uint16_t>(XXH64(target_alias.data(), target_alias.size(), source) >> 48);
}

protocol::ProducerId flow_identity(std::uint16_t tag, const protocol::Uuid& target_topic_id,
                                   std::string_view target_topic, protocol::PartitionIndex partition) {
  const XXH64_hash_t topic = target_topic_id == protocol::Uuid{}
                                 ? XXH64(target_topic.data(), target_topic.size(), topic_name_seed)
                                 : XXH64(&target_topic_id, sizeof target_topic_id, topic_id_seed);
  // Little-endian whatever the machine: two instances on different machines are one identity.
  std::array<unsigned char, 4> index{};
  for (std::size_t i = 0; i < index.size(); ++i) {
    index[i] = static_cast<unsigned char>(static_cast<std::uint32_t>(partition.value()) >> (8 * i));
  }
  const std::uint64_t hash = XXH64(index.data(), index.size(), topic) & ((std::uint64_t{1} << hash_bits) - 1);
  return protocol::ProducerId(static_cast<std::int64_t>(own_range | std::uint64_t{tag} << hash_bits | hash));
}

}  // namespace shunt::replicate
