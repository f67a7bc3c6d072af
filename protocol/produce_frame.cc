#include "protocol/produce_frame.h"

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

constexpr std::int16_t api_key = 0;
constexpr std::int16_t api_version = 8;
constexpr std::int16_t null_string = -1;
constexpr std::int16_t acks_all = -1;

template <class Integer>
void append(std::vector<std::byte>& out, Integer value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  wire::store(out.data() + at, value);
}

void append(std::vector<std::byte>& out, std::string_view text) {
  append(out, static_cast<std::int16_t>(text.size()));
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), bytes, bytes + text.size());
}

}  // namespace

void append_produce_prologue(std::vector<std::byte>& out, const ProducePrologue& prologue) {
  append(out, static_cast<std::int32_t>(prologue.frame_bytes - sizeof(std::int32_t)));
  append(out, api_key);
  append(out, api_version);
  append(out, prologue.correlation_id);
  append(out, prologue.client_id);
  append(out, null_string);  // transactional id
  append(out, acks_all);
  append(out, prologue.timeout_ms);
  append(out, prologue.topics);
}

void append_produce_topic(std::vector<std::byte>& out, std::string_view name, std::int32_t partitions) {
  append(out, name);
  append(out, partitions);
}

void append_produce_partition(std::vector<std::byte>& out, PartitionIndex index, std::size_t records_bytes) {
  append(out, index.value());
  append(out, static_cast<std::int32_t>(records_bytes));
}

}  // namespace shunt::protocol
