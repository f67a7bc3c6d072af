#include "replicate/connect_offset.h"

#include <cassert>
#include <limits>
#include <string_view>

#include <boost/json.hpp>

namespace shunt::replicate {

using protocol::Offset;
using protocol::PartitionIndex;

namespace {

namespace json = boost::json;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::optional<json::value> parse_json(std::span<const std::byte> bytes) {
  boost::system::error_code error;
  json::value value = json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, error);
  if (error) return std::nullopt;
  return value;
}

std::optional<std::int64_t> integer(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

std::optional<std::string> text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

/// Kafka's murmur2 (Utils.murmur2), seed and all.
std::uint32_t murmur2(std::span<const std::byte> data) {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t m = 0x5bd1e995;
  constexpr int r = 24;
  const auto at = [&data](std::size_t index) { return std::to_integer<std::uint32_t>(data[index]); };
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(data.size());
  std::size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    std::uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    k *= m;
    k ^= k >> r;
    k *= m;
    hash *= m;
    hash ^= k;
  }
  const std::size_t left = data.size() - i;
  if (left > 2) hash ^= at(i + 2) << 16;
  if (left > 1) hash ^= at(i + 1) << 8;
  if (left > 0) hash = (hash ^ at(i)) * m;
  hash ^= hash >> 13;
  hash *= m;
  return hash ^ hash >> 15;
}

}  // namespace

std::vector<std::byte> ConnectOffset::key() const {
  return bytes_of(json::serialize(
      json::array{connector, json::object{{"cluster", cluster}, {"partition", partition.value()}, {"topic", topic}}}));
}

std::vector<std::byte> ConnectOffset::value() const {
  assert(next && *next > Offset(0));
  return bytes_of(json::serialize(json::object{{"offset", next->value() - 1}}));
}

std::optional<ConnectOffset> ConnectOffset::parse(std::span<const std::byte> key,
                                                  const std::optional<std::span<const std::byte>>& value) {
  const auto parsed = parse_json(key);
  if (!parsed || !parsed->is_array() || parsed->get_array().size() != 2) return std::nullopt;
  const json::value& name = parsed->get_array()[0];
  const json::value& where = parsed->get_array()[1];
  if (!name.is_string() || !where.is_object()) return std::nullopt;
  auto cluster = text(where.get_object(), "cluster");
  auto topic = text(where.get_object(), "topic");
  const auto partition = integer(where.get_object(), "partition");
  if (!cluster || !topic || !partition || *partition < 0 || *partition > std::numeric_limits<std::int32_t>::max())
    return std::nullopt;
  ConnectOffset result{.connector = std::string(name.get_string()),
                       .cluster = std::move(*cluster),
                       .topic = std::move(*topic),
                       .partition = PartitionIndex(static_cast<std::int32_t>(*partition)),
                       .next = {}};
  if (!value) return result;
  const auto position = parse_json(*value);
  if (!position || !position->is_object()) return std::nullopt;
  const auto last = integer(position->get_object(), "offset");
  if (!last || *last < 0 || *last == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  result.next = Offset(*last + 1);
  return result;
}

std::int32_t partition_of_key(std::span<const std::byte> key, std::int32_t partitions) {
  return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace shunt::replicate
