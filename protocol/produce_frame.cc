#include "protocol/produce_frame.h"

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

constexpr std::int16_t api_key = 0;
constexpr std::int16_t acks_all = -1;
constexpr std::byte no_tags{0};

template <class Integer>
void append(std::vector<std::byte>& out, Integer value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  wire::store(out.data() + at, value);
}

void append_bytes(std::vector<std::byte>& out, const void* bytes, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(bytes);
  out.insert(out.end(), begin, begin + size);
}

void append(std::vector<std::byte>& out, std::string_view text) {
  append(out, static_cast<std::int16_t>(text.size()));
  append_bytes(out, text.data(), text.size());
}

void append_count(std::vector<std::byte>& out, std::int16_t version, std::uint32_t count) {
  if (version != produce_by_id) return append(out, static_cast<std::int32_t>(count));
  std::uint32_t left = count + 1;
  for (; left >= 0x80; left >>= 7) out.push_back(static_cast<std::byte>((left & 0x7f) | 0x80));
  out.push_back(static_cast<std::byte>(left));
}

void append_null_string(std::vector<std::byte>& out, std::int16_t version) {
  if (version != produce_by_id) return append(out, std::int16_t{-1});
  out.push_back(std::byte{0});
}

}  // namespace

void append_produce_prologue(std::vector<std::byte>& out, const ProducePrologue& prologue) {
  append(out, std::int32_t{0});
  append(out, api_key);
  append(out, prologue.version);
  append(out, prologue.correlation_id);
  append(out, prologue.client_id);
  if (prologue.version == produce_by_id) out.push_back(no_tags);
  append_null_string(out, prologue.version);  // transactional id
  append(out, acks_all);
  append(out, prologue.timeout_ms);
  append_count(out, prologue.version, prologue.topics);
}

void append_produce_topic(std::vector<std::byte>& out, std::int16_t version, std::string_view name, const Uuid& id,
                          std::uint32_t partitions) {
  if (version == produce_by_id) {
    append_bytes(out, id.bytes.data(), id.bytes.size());
  } else {
    append(out, name);
  }
  append_count(out, version, partitions);
}

void append_produce_partition(std::vector<std::byte>& out, std::int16_t version, PartitionIndex index,
                              std::size_t records_bytes) {
  append(out, index.value());
  append_count(out, version, static_cast<std::uint32_t>(records_bytes));
}

void append_produce_end(std::vector<std::byte>& out, std::int16_t version, ProduceEnd end) {
  out.insert(out.end(), produce_end_bytes(version, end), no_tags);
}

}  // namespace shunt::protocol
