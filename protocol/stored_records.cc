#include "protocol/stored_records.h"

#include <utility>

#include "protocol/record_batch.h"

namespace shunt::protocol {

namespace {

constexpr std::size_t at_magic = 16;

}  // namespace

StoredRecords::StoredRecords(std::span<const std::byte> bytes, std::size_t most) {
  std::string why;
  if (bytes.size() > at_magic && static_cast<std::int8_t>(bytes[at_magic]) <= newest_message_set_magic) {
    if (const auto first = MessageSetEntry::of(bytes, why)) codec_ = first->codec();
    reader_.emplace<MessageSetReader>(bytes, most);
    return;
  }
  auto payload = open_record_batch(bytes, most, why);
  if (!payload) {
    reader_ = Damaged{std::move(why)};
    return;
  }
  const RecordBatchHeader header = RecordBatchHeader::of(bytes);
  codec_ = header.codec();
  const std::span<const std::byte> records = *payload;  // where they are stays the same when the vector is moved
  reader_.emplace<Batch>(std::move(*payload), RecordReader(header, records));
}

bool StoredRecords::next(Record& record) {
  if (auto* batch = std::get_if<Batch>(&reader_)) return batch->records.next(record);
  if (auto* messages = std::get_if<MessageSetReader>(&reader_)) return messages->next(record);
  return false;
}

const std::string& StoredRecords::why() const {
  if (const auto* batch = std::get_if<Batch>(&reader_)) return batch->records.why();
  if (const auto* messages = std::get_if<MessageSetReader>(&reader_)) return messages->why();
  return std::get<Damaged>(reader_).why;
}

}  // namespace shunt::protocol
