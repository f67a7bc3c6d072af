#include "replicate/data/produce_queue.h"

#include <algorithm>
#include <cassert>

#include "replicate/data/flow.h"

namespace shunt::replicate {

using protocol::ProduceEnd;

namespace {

void append_end(Outgoing& out, std::int16_t version, ProduceEnd end) {
  if (protocol::produce_end_bytes(version, end) == 0) return;
  out.append_own([&](std::vector<std::byte>& arena) { protocol::append_produce_end(arena, version, end); });
}

}  // namespace

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
                         const std::function<void(const Request&)>& on_request) {
  for (const Slice& slice : straight_) out.append_payload(slice.chunk, slice.bytes);
  straight_.clear();
  if (open_version_ && open_left_ == 0) {
    append_end(out, *open_version_, ProduceEnd::request);
    open_version_.reset();
  }
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
    on_request(lay_out(out, begin, end, next_correlation_id()));
    begin = end;
  }
  open_left_ = collected_.back().missing;
  collected_.clear();
}

ProduceQueue::Request ProduceQueue::lay_out(Outgoing& out, std::size_t begin, std::size_t end,
                                            std::int32_t correlation_id) {
  const auto topic_of = [this](std::size_t i) -> const std::string& { return collected_[i].flow->spec().target_topic; };
  const auto id_of = [this](std::size_t i) -> const protocol::Uuid& {
    return collected_[i].flow->route().target.topic_id;
  };
  const auto topic_end = [&](std::size_t i) {
    std::size_t next = i + 1;
    while (next < end && topic_of(next) == topic_of(i) && id_of(next) == id_of(i)) ++next;
    return next;
  };
  bool is_by_id = knows_ids_;
  std::uint32_t topics = 0;
  for (std::size_t i = begin; i < end; i = topic_end(i)) {
    ++topics;
    if (id_of(i).is_zero()) is_by_id = false;
  }
  const std::int16_t version = is_by_id ? protocol::produce_by_id : protocol::produce_by_name;
  const std::size_t bytes_before = out.size();
  const std::size_t frame_size = out.append_own([&](std::vector<std::byte>& arena) {
    protocol::append_produce_prologue(arena, {.version = version,
                                              .correlation_id = correlation_id,
                                              .client_id = settings_.client_id,
                                              .timeout_ms = settings_.timeout_ms,
                                              .topics = topics});
  });
  for (std::size_t i = begin; i < end;) {
    const std::size_t next = topic_end(i);
    out.append_own([&](std::vector<std::byte>& arena) {
      protocol::append_produce_topic(arena, version, topic_of(i), id_of(i), static_cast<std::uint32_t>(next - i));
    });
    for (; i < next; ++i) {
      const Batch& batch = collected_[i];
      out.append_own([&](std::vector<std::byte>& arena) {
        protocol::append_produce_partition(arena, version, batch.flow->spec().partition, batch.size);
        arena.insert(arena.end(), batch.header.begin(), batch.header.end());
      });
      out.append_payload(batch.payload.chunk, batch.payload.bytes);
      if (batch.missing > 0) continue;  // alone in its request, which ends with what is still to come
      const bool is_last_of_topic = i + 1 == next;
      append_end(out, version,
                 i + 1 == end       ? ProduceEnd::request
                 : is_last_of_topic ? ProduceEnd::topic
                                    : ProduceEnd::partition);
    }
  }
  std::size_t bytes = out.size() - bytes_before;
  if (const std::size_t missing = collected_[end - 1].missing; missing > 0) {
    bytes += missing + protocol::produce_end_bytes(version, ProduceEnd::request);
    open_version_ = version;
  }
  out.put_own(frame_size, static_cast<std::int32_t>(bytes - sizeof(std::int32_t)));
  return {.correlation_id = correlation_id,
          .version = version,
          .batches = static_cast<std::uint32_t>(end - begin),
          .bytes = bytes};
}

void ProduceQueue::clear() {
  for (Batch& batch : collected_) batch.flow->round = 0;
  collected_.clear();
  straight_.clear();
  open_left_ = 0;
  open_version_.reset();
}

}  // namespace shunt::replicate
