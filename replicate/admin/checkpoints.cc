#include "replicate/admin/checkpoints.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/machine.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::PartitionIndex;

namespace {

constexpr PartitionIndex only_partition{0};
constexpr std::size_t batch_bytes = 256 * 1024;

}  // namespace

Checkpoints::Checkpoints(Cluster& target, const CheckpointsSettings& settings)
    : is_kept_(!settings.topic.empty()),
      topic_(target, {.name = settings.topic,
                      .holds = "checkpoints",
                      .replication_factor = settings.replication_factor,
                      .produce_timeout_ms = settings.produce_timeout_ms}) {}

Awaitable<> Checkpoints::load(const std::function<bool(std::string_view group)>& selects) {
  if (is_loaded_ || !is_kept_) co_return;
  groups_.clear();
  unreadable_ = 0;
  const bool is_there = co_await topic_.find();
  if (is_there) {
    const std::function<void(const protocol::Record&)> visit = [&](const protocol::Record& record) {
      if (!record.value) return;  // deleted
      std::string why;
      auto checkpoint = Checkpoint::parse(record, why);
      if (!checkpoint) {
        ++unreadable_;
        last_complaint_ =
            fmt::format("{}-0: the record at offset {} is left out: {}", topic_.name(), record.offset.value(), why);
      } else if (selects(checkpoint->group)) {
        const TopicPartition partition{checkpoint->topic, checkpoint->partition};
        groups_[checkpoint->group].insert_or_assign(partition,
                                                    Entry{.checkpoint = std::move(*checkpoint), .is_stored = true});
      }
    };
    co_await topic_.read(only_partition, visit);
  }
  is_loaded_ = true;
}

const Checkpoint* Checkpoints::find(const std::string& group, const TopicPartition& target) const {
  const auto known = groups_.find(group);
  if (known == groups_.end()) return nullptr;
  const auto entry = known->second.find(target);
  return entry == known->second.end() ? nullptr : &entry->second.checkpoint;
}

void Checkpoints::set(Checkpoint checkpoint) {
  const TopicPartition partition{checkpoint.topic, checkpoint.partition};
  auto& entries = groups_[checkpoint.group];
  const auto entry = entries.find(partition);
  if (entry != entries.end() && entry->second.checkpoint == checkpoint) return;
  entries.insert_or_assign(partition, Entry{.checkpoint = std::move(checkpoint), .is_stored = false});
}

Awaitable<std::size_t> Checkpoints::store() {
  if (!is_kept_) co_return 0;
  std::vector<Entry*> to_store;
  for (auto& [group, entries] : groups_) {
    for (auto& [partition, entry] : entries) {
      if (!entry.is_stored) to_store.push_back(&entry);
    }
  }
  co_await topic_.ensure();  // also when there is nothing to write: clients look for it
  const std::int64_t time = net::unix_ms();
  for (std::size_t next = 0; next < to_store.size();) {
    protocol::RecordBatchBuilder records(protocol::Codec::none);
    const std::size_t first = next;
    for (std::size_t bytes = 0; next < to_store.size() && bytes < batch_bytes; ++next) {
      const Checkpoint& checkpoint = to_store[next]->checkpoint;
      const std::vector<std::byte> key = checkpoint.key();
      const std::vector<std::byte> value = checkpoint.value();
      const std::vector<std::byte> headers = checkpoint.headers();
      records.append(time, key, value, headers);
      bytes += key.size() + value.size() + headers.size();
    }
    co_await topic_.append(only_partition, records);
    for (std::size_t i = first; i < next; ++i) to_store[i]->is_stored = true;
  }
  co_return to_store.size();
}

}  // namespace shunt::replicate
