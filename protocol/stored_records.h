// The records of what a log holds, whatever its format: of one batch of format 2, or of message set entries.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "protocol/message_set.h"
#include "protocol/record.h"

namespace shunt::protocol {

/// A poisoned reader, as those it stands for.
class StoredRecords {
 public:
  /// `bytes`: a whole batch, or whole entries; they must outlive it and its records. Not more than `most` bytes are
  /// decompressed at a time.
  StoredRecords(std::span<const std::byte> bytes, std::size_t most);

  /// False: there is no further record, or what is stored is damaged or malformed. Records are valid as long as this,
  /// those from the wrappers of message sets until the next wrapper is reached.
  bool next(Record& record);
  [[nodiscard]] bool ok() const { return why().empty(); }
  [[nodiscard]] const std::string& why() const;

  /// Of the batch, or of the first entry.
  [[nodiscard]] Codec codec() const { return codec_; }

 private:
  struct Damaged {
    std::string why;
  };
  struct Batch {
    std::vector<std::byte> payload;  // what `records` point into
    RecordReader records;
  };

  Codec codec_ = Codec::none;
  std::variant<Damaged, Batch, MessageSetReader> reader_;
};

}  // namespace shunt::protocol
