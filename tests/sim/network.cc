#include "tests/sim/network.h"

#include <algorithm>
#include <cassert>

#include <netinet/in.h>

namespace shunt::sim {

// ---- Connection -----------------------------------------------------------------------------------------------------

void Connection::answer(std::vector<std::byte> bytes) {
  if (broken_) return;
  to_client_.insert(to_client_.end(), bytes.begin(), bytes.end());
  deliver_answers();
}

void Connection::deliver_answers() {
  if (delivering_ || broken_ || to_client_.empty()) return;
  delivering_ = true;
  world_.after(world_.micros(1, 200), [self = shared_from_this()] {
    self->delivering_ = false;
    if (self->broken_) return;
    std::size_t size = self->to_client_.size();
    if (self->world_.chance(0.3))
      size = static_cast<std::size_t>(self->world_.between(1, static_cast<std::int64_t>(size)));
    std::vector<std::byte> piece(self->to_client_.begin(),
                                 self->to_client_.begin() + static_cast<std::ptrdiff_t>(size));
    self->to_client_.erase(self->to_client_.begin(), self->to_client_.begin() + static_cast<std::ptrdiff_t>(size));
    if (self->client_ != nullptr) self->client_->arrived(std::move(piece));
    self->deliver_answers();
  });
}

void Connection::reset() {
  if (broken_) return;
  broken_ = true;
  to_client_.clear();
  if (client_ != nullptr) client_->broken();
  client_ = nullptr;
}

std::shared_ptr<Connection> Network::connect(std::uint16_t port) {
  const auto listener = listeners_.find(port);
  if (listener == listeners_.end()) return nullptr;
  auto connection = std::make_shared<Connection>(world_, next_id_++);
  listener->second(connection);
  return connection;
}

// ---- Loop -----------------------------------------------------------------------------------------------------------

SimLoop::~SimLoop() = default;

std::unique_ptr<net::Stream> SimLoop::make_stream(net::StreamEvents& events) {
  return std::make_unique<SimStream>(*this, network_, events);
}

void SimLoop::forget(SimStream* stream) {
  std::erase_if(ready_, [&](const Ready& entry) { return entry.stream == stream; });
}

void SimLoop::poll(net::Time latest) {
  wake_at_ = latest;
  for (std::size_t batch = ready_.size(); batch > 0 && !ready_.empty() && !is_cut_; --batch) {
    if (may_go_on_ != nullptr && !(*may_go_on_)()) {
      is_cut_ = true;
      return;
    }
    Ready entry = std::move(ready_.front());
    ready_.pop_front();
    entry.deliver();
  }
}

bool SimLoop::run(const std::function<bool()>& may_go_on, const std::function<bool()>& turn) {
  may_go_on_ = &may_go_on;
  bool is_busy = true;
  // The last turn has nothing to deliver, and tells when the first timer is due.
  while (is_busy && !is_cut_) {
    is_busy = !ready_.empty();
    if (!turn()) break;
    is_busy = is_busy || !ready_.empty() || wake_at_ <= now();
  }
  may_go_on_ = nullptr;
  return !is_cut_;
}

// ---- Stream ---------------------------------------------------------------------------------------------------------

SimStream::~SimStream() {
  *alive_ = false;
  loop_.forget(this);
  if (connection_) connection_->client_ = nullptr;
}

void SimStream::connect(const net::Endpoint& endpoint) {
  sockaddr_in address{};
  std::copy_n(reinterpret_cast<const char*>(&endpoint.address), sizeof address, reinterpret_cast<char*>(&address));
  const std::uint16_t port = ntohs(address.sin_port);
  World& world = network_.world();
  world.after(world.micros(10, network_.max_delay_us), [this, alive = alive_, port] {
    if (!*alive || closing_) return;
    connection_ = network_.connect(port);
    if (connection_) connection_->client_ = this;
    loop_.ready(this, [this] { events_.on_connected(connection_ ? 0 : ECONNREFUSED); });
  });
}

void SimStream::receive(std::span<std::byte> into, std::size_t at_least) {
  assert(!receiving_ && at_least >= 1 && at_least <= into.size());
  receiving_ = true;
  into_ = into;
  at_least_ = at_least;
  try_complete_receive();
}

void SimStream::set_at_least(std::size_t at_least) {
  if (!receiving_) return;
  at_least_ = std::min(at_least, into_.size());
  try_complete_receive();
}

void SimStream::try_complete_receive() {
  if (!receiving_ || closing_ || (arrived_.size() < at_least_ && !peer_gone_)) return;
  receiving_ = false;
  const std::size_t size = std::min(arrived_.size(), into_.size());
  std::copy_n(arrived_.begin(), size, into_.begin());
  arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<std::ptrdiff_t>(size));
  const int error = size < at_least_ ? ECONNRESET : 0;
  loop_.ready(this, [this, size, error] { events_.on_received(size, error); });
}

void SimStream::arrived(std::vector<std::byte> bytes) {
  arrived_.insert(arrived_.end(), bytes.begin(), bytes.end());
  try_complete_receive();
}

void SimStream::broken() {
  peer_gone_ = true;
  try_complete_receive();
}

void SimStream::send(std::span<const iovec> pieces) {
  assert(!send_under_way_);
  send_under_way_ = true;
  sending_.assign(pieces.begin(), pieces.end());
  sending_index_ = sending_offset_ = 0;
  transmit();
}

void SimStream::transmit() {
  World& world = network_.world();
  world.after(world.micros(1, network_.max_delay_us), [this, alive = alive_] {
    if (!*alive || closing_) return;
    World& here = network_.world();
    if (peer_gone_ || !connection_) {
      send_under_way_ = false;
      loop_.ready(this, [this] { events_.on_sent(EPIPE); });
      return;
    }
    std::vector<std::byte> bytes;
    bool cut = false;
    while (sending_index_ < sending_.size() && !cut) {
      const iovec& piece = sending_[sending_index_];
      const std::size_t left = piece.iov_len - sending_offset_;
      std::size_t size = left;
      if (left > 1 && here.chance(network_.slice_probability / 4)) {
        size = static_cast<std::size_t>(here.between(1, static_cast<std::int64_t>(left) - 1));
        cut = true;
      }
      const auto* from = static_cast<const std::byte*>(piece.iov_base) + sending_offset_;
      bytes.insert(bytes.end(), from, from + size);
      sending_offset_ += size;
      if (sending_offset_ == piece.iov_len) {
        ++sending_index_;
        sending_offset_ = 0;
      }
      cut = cut || here.chance(network_.slice_probability / 8);
    }
    // Travels on; the broker gets it even when the client vanishes meanwhile, but not when the connection is reset.
    connection_->last_arrival_ =
        std::max(connection_->last_arrival_, here.now() + here.micros(1, network_.max_delay_us));
    here.at(connection_->last_arrival_, [connection = connection_, bytes = std::move(bytes)]() mutable {
      if (connection->open() && connection->on_bytes) connection->on_bytes(std::move(bytes));
    });
    if (sending_index_ < sending_.size()) {
      transmit();
    } else {
      send_under_way_ = false;
      loop_.ready(this, [this] { events_.on_sent(0); });
    }
  });
}

void SimStream::close() {
  if (closing_) return;
  closing_ = true;
  loop_.forget(this);
  if (connection_) connection_->client_ = nullptr;
  network_.world().after(network_.world().micros(1, 50), [this, alive = alive_] {
    if (*alive) loop_.ready(this, [this] { events_.on_closed(); });
  });
}

}  // namespace shunt::sim
