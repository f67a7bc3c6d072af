#include "replicate/data/produce_queue.h"

#include <algorithm>
#include <cassert>

#include "protocol/produce_frame.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

void Outgoing::add_own_piece(std::size_t offset, std::size_t size) {
  bytes_ += size;
  if (!pieces_.empty() && pieces_.back().bytes == nullptr) {
    pieces_.back().size += size;
  } else {
    pieces_.push_back({.bytes = nullptr, .offset = offset, .size = size});
  }
}

void Outgoing::append_payload(const net::ChunkRef& chunk, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  pieces_.push_back({.bytes = bytes.data(), .offset = 0, .size = bytes.size()});
  bytes_ += bytes.size();
  if (chunks_.empty() || !(chunks_.back() == chunk)) chunks_.push_back(chunk);
}

std::span<const iovec> Outgoing::pieces() {
  iovecs_.clear();
  iovecs_.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    const std::byte* bytes = piece.bytes != nullptr ? piece.bytes : arena_.data() + piece.offset;
    // sendmsg(2) takes a pointer to non-const and reads only.
    iovecs_.push_back({.iov_base = const_cast<std::byte*>(bytes), .iov_len = piece.size});
  }
  return iovecs_;
}

void Outgoing::clear() {
  arena_.clear();
  pieces_.clear();
  chunks_.clear();
  iovecs_.clear();
  bytes_ = 0;
}

void ProduceQueue::begin_batch(Flow& flow, std::span<const std::byte, protocol::record_batch_header_size> header,
                               std::size_t size) {
  assert(collected_.empty() || collected_.back().missing == 0);
  Batch batch{
      .flow = &flow, .header = {}, .size = size, .missing = size - header.size(), .payload = {}, .round = flow.round++};
  std::copy(header.begin(), header.end(), batch.header.begin());
  collected_.push_back(std::move(batch));
}

void ProduceQueue::add_payload(const net::ChunkRef& chunk, std::span<const std::byte> bytes) {
  if (open_left_ > 0) {
    assert(collected_.empty() && bytes.size() <= open_left_);
    open_left_ -= bytes.size();
    straight_.push_back({.chunk = chunk, .bytes = bytes});
    return;
  }
  Batch& batch = collected_.back();
  assert(batch.payload.bytes.empty() && bytes.size() <= batch.missing);
  batch.missing -= bytes.size();
  batch.payload = {.chunk = chunk, .bytes = bytes};
}

std::size_t ProduceQueue::group_end(std::size_t begin) const {
  const auto groupable = [](const Batch& batch) { return batch.size < group_below_bytes && batch.missing == 0; };
  std::size_t end = begin + 1;
  if (!groupable(collected_[begin])) return end;
  while (end < collected_.size() && groupable(collected_[end]) && collected_[end].round == collected_[begin].round)
    ++end;
  return end;
}

void ProduceQueue::flush(Outgoing& out, const std::function<std::int32_t()>& next_correlation_id,
                         const std::function<void(std::int32_t, std::uint32_t, std::size_t)>& on_request) {
  for (const Slice& slice : straight_) out.append_payload(slice.chunk, slice.bytes);
  straight_.clear();
  if (collected_.empty()) return;
  for (Batch& batch : collected_) batch.flow->round = 0;

  // Only the last batch can lack payload; it stays last, which keeps its partition's order too.
  const auto complete_end = collected_.end() - (collected_.back().missing > 0 ? 1 : 0);
  std::stable_sort(collected_.begin(), complete_end, [](const Batch& a, const Batch& b) {
    if (a.round != b.round) return a.round < b.round;
    const bool a_alone = a.size >= group_below_bytes;
    const bool b_alone = b.size >= group_below_bytes;
    if (a_alone != b_alone) return b_alone;
    return a.flow->spec().target_topic < b.flow->spec().target_topic;
  });
  for (std::size_t begin = 0; begin < collected_.size();) {
    const std::size_t end = group_end(begin);
    const std::int32_t correlation_id = next_correlation_id();
    std::size_t bytes = 0;
    lay_out(out, begin, end, correlation_id, bytes);
    on_request(correlation_id, static_cast<std::uint32_t>(end - begin), bytes);
    begin = end;
  }
  open_left_ = collected_.back().missing;
  collected_.clear();
}

void ProduceQueue::lay_out(Outgoing& out, std::size_t begin, std::size_t end, std::int32_t correlation_id,
                           std::size_t& bytes) {
  protocol::ProduceFrameSize size(settings_.client_id);
  const auto topic_of = [this](std::size_t i) -> const std::string& { return collected_[i].flow->spec().target_topic; };
  const auto topic_end = [&](std::size_t i) {
    std::size_t next = i + 1;
    while (next < end && topic_of(next) == topic_of(i)) ++next;
    return next;
  };
  std::int32_t topics = 0;
  for (std::size_t i = begin; i < end;) {
    size.add_topic(topic_of(i));
    ++topics;
    const std::size_t next = topic_end(i);
    for (; i < next; ++i) size.add_partition(collected_[i].size);
  }
  bytes = size.frame_bytes();
  out.append_own([&](std::vector<std::byte>& arena) {
    protocol::append_produce_prologue(arena, {.frame_bytes = size.frame_bytes(),
                                              .correlation_id = correlation_id,
                                              .client_id = settings_.client_id,
                                              .timeout_ms = settings_.timeout_ms,
                                              .topics = topics});
  });
  for (std::size_t i = begin; i < end;) {
    const std::size_t next = topic_end(i);
    out.append_own([&](std::vector<std::byte>& arena) {
      protocol::append_produce_topic(arena, topic_of(i), static_cast<std::int32_t>(next - i));
    });
    for (; i < next; ++i) {
      const Batch& batch = collected_[i];
      out.append_own([&](std::vector<std::byte>& arena) {
        protocol::append_produce_partition(arena, batch.flow->spec().partition, batch.size);
        arena.insert(arena.end(), batch.header.begin(), batch.header.end());
      });
      out.append_payload(batch.payload.chunk, batch.payload.bytes);
    }
  }
}

void ProduceQueue::clear() {
  for (Batch& batch : collected_) batch.flow->round = 0;
  collected_.clear();
  straight_.clear();
  open_left_ = 0;
}

}  // namespace shunt::replicate
