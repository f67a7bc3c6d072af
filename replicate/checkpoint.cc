#include "replicate/checkpoint.h"

#include <algorithm>
#include <string_view>

#include "protocol/wire.h"
#include "replicate/mm2_string.h"

namespace shunt::replicate {

using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr std::int16_t version = 0;
constexpr std::string_view committed_header = "shunt.committed";
constexpr std::size_t committed_bytes = 3 * sizeof(std::int64_t);

/// One header with that name and size: all that stands before its value. Its varints are below 64, a byte each.
std::vector<std::byte> header_prefix() {
  const auto zigzag = [](std::size_t value) { return static_cast<std::byte>(value * 2); };
  std::vector<std::byte> prefix{zigzag(1), zigzag(committed_header.size())};
  for (const char c : committed_header) prefix.push_back(static_cast<std::byte>(c));
  prefix.push_back(zigzag(committed_bytes));
  return prefix;
}

std::optional<Checkpoint::Committed> parse_headers(std::span<const std::byte> headers) {
  const std::vector<std::byte> prefix = header_prefix();
  if (headers.size() != prefix.size() + committed_bytes || !std::ranges::equal(headers.first(prefix.size()), prefix))
    return std::nullopt;
  protocol::Reader reader(headers.subspan(prefix.size()));
  Checkpoint::Committed committed;
  committed.source = Offset(reader.integer<std::int64_t>());
  committed.target = Offset(reader.integer<std::int64_t>());
  committed.time_ms = reader.integer<std::int64_t>();
  return committed;
}

}  // namespace

std::vector<std::byte> Checkpoint::key() const {
  protocol::Writer writer;
  put_string(writer, group);
  put_string(writer, topic);
  writer.integer(partition.value());
  return writer.take();
}

std::vector<std::byte> Checkpoint::value() const {
  protocol::Writer writer;
  writer.integer(version);
  writer.integer(source.value());
  writer.integer(target.value());
  put_string(writer, metadata);
  return writer.take();
}

std::vector<std::byte> Checkpoint::headers() const {
  if (!committed) return {protocol::no_headers[0]};
  protocol::Writer writer;
  writer.bytes(header_prefix());
  writer.integer(committed->source.value());
  writer.integer(committed->target.value());
  writer.integer(committed->time_ms);
  return writer.take();
}

std::optional<Checkpoint> Checkpoint::parse(const protocol::Record& record, std::string& why) {
  if (!record.key || !record.value) {
    why = "it has no key or no value";
    return std::nullopt;
  }
  Checkpoint checkpoint;
  protocol::Reader key(*record.key);
  checkpoint.group = take_string(key);
  checkpoint.topic = take_string(key);
  checkpoint.partition = PartitionIndex(key.integer<std::int32_t>());
  protocol::Reader value(*record.value);
  const auto said = value.integer<std::int16_t>();
  checkpoint.source = Offset(value.integer<std::int64_t>());
  checkpoint.target = Offset(value.integer<std::int64_t>());
  checkpoint.metadata = take_string(value);
  if (value.ok() && said != version) {
    why = "it is a checkpoint of version " + std::to_string(said) + ", and 0 is the only one known";
    return std::nullopt;
  }
  if (!key.ok() || !value.ok() || checkpoint.partition < PartitionIndex(0)) {
    why = "not a checkpoint as MirrorMaker 2 writes them";
    return std::nullopt;
  }
  checkpoint.committed = parse_headers(record.headers);
  return checkpoint;
}

}  // namespace shunt::replicate
