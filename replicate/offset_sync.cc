#include "replicate/offset_sync.h"

#include <algorithm>
#include <utility>

#include "protocol/wire.h"
#include "replicate/mm2_string.h"

namespace shunt::replicate {

using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerEpoch;
using protocol::ProducerId;
using protocol::Sequence;

namespace {

constexpr std::int8_t extension_format = 4;

std::optional<OffsetSync::Extension> parse_extension(protocol::Reader& reader, std::string& why) {
  const auto format = reader.integer<std::int8_t>();
  const ProducerId identity(reader.integer<std::int64_t>());
  const Offset source(reader.integer<std::int64_t>());
  const Offset target(reader.integer<std::int64_t>());
  const auto epoch = reader.integer<std::int16_t>();
  const auto sequence = reader.integer<std::int32_t>();
  const auto unplaced = reader.integer<std::int32_t>();
  SourceLog source_log;
  const std::span<const std::byte> topic_id = reader.bytes(source_log.topic_id.bytes.size());
  source_log.leader_epoch = protocol::LeaderEpoch(reader.integer<std::int32_t>());
  if (!reader.ok() || format != extension_format || source < Offset(0) || target < Offset(0) || epoch < 0 ||
      sequence < 0 || unplaced < 0 || source_log.leader_epoch < protocol::LeaderEpoch(-1)) {
    why = "what follows the sync is not shunt's, or of another version of shunt";
    return std::nullopt;
  }
  std::ranges::copy(topic_id, source_log.topic_id.bytes.begin());
  auto block = OffsetBlock::unpack(
      {.source = source, .target = target, .sequence = Sequence(sequence), .epoch = ProducerEpoch(epoch)}, unplaced,
      reader.bytes(reader.left()));
  if (!block) {
    why = "the runs of offsets are malformed";
    return std::nullopt;
  }
  return OffsetSync::Extension{.identity = identity, .block = std::move(*block), .source_log = source_log};
}

}  // namespace

OffsetSync OffsetSync::of(std::string_view topic, PartitionIndex partition, Extension extension,
                          std::optional<OffsetRun> before) {
  const OffsetBlock& block = extension.block;
  const std::optional<OffsetRun> first = block.first_run();
  const std::optional<OffsetRun>& told = first ? first : before;
  return {.topic = std::string(topic),
          .partition = partition,
          .upstream = told ? told->source : block.begin().source,
          .downstream = told ? told->target : block.begin().target - 1,
          .extension = std::move(extension)};
}

std::vector<std::byte> OffsetSync::key() const {
  protocol::Writer writer;
  put_string(writer, topic);
  writer.integer(partition.value());
  if (extension) {
    writer.integer(extension->identity.value());
    writer.integer(extension->block.begin().source.value());
  }
  return writer.take();
}

std::vector<std::byte> OffsetSync::value() const {
  protocol::Writer writer;
  writer.integer(upstream.value());
  writer.integer(downstream.value());
  if (extension) {
    writer.integer(extension_format);
    writer.integer(extension->identity.value());
    writer.integer(extension->block.begin().source.value());
    writer.integer(extension->block.begin().target.value());
    writer.integer(extension->block.begin().epoch.value());
    writer.integer(extension->block.begin().sequence.value());
    writer.integer(extension->block.unplaced());
    writer.bytes(extension->source_log.topic_id.bytes);
    writer.integer(extension->source_log.leader_epoch.value());
    writer.bytes(extension->block.packed());
  }
  return writer.take();
}

std::optional<OffsetSync> OffsetSync::parse(std::span<const std::byte> key, std::span<const std::byte> value,
                                            std::string& why) {
  OffsetSync sync;
  protocol::Reader from_key(key);
  sync.topic = take_string(from_key);
  sync.partition = PartitionIndex(from_key.integer<std::int32_t>());
  protocol::Reader from_value(value);
  sync.upstream = Offset(from_value.integer<std::int64_t>());
  sync.downstream = Offset(from_value.integer<std::int64_t>());
  if (!from_key.ok() || !from_value.ok() || sync.topic.empty() || sync.partition < PartitionIndex(0) ||
      sync.upstream < Offset(0) || sync.downstream < Offset(from_value.left() > 0 ? -1 : 0)) {
    why = "not an offset sync as MirrorMaker 2 writes them";
    return std::nullopt;
  }
  if (from_value.left() > 0) {
    sync.extension = parse_extension(from_value, why);
    if (!sync.extension) return std::nullopt;
  }
  return sync;
}

}  // namespace shunt::replicate
