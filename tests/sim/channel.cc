#include "tests/sim/channel.h"

#include <optional>

#include <boost/asio/error.hpp>

namespace shunt::sim {

namespace {

using boost::system::error_code;
using net::Awaitable;

error_code from_errno(int error) {
  return {error, boost::system::system_category()};
}

class SimChannel final : public net::Channel, private net::StreamEvents {
 public:
  SimChannel(const net::asio::any_io_executor& executor, SimLoop& loop)
      : changed_(executor), stream_(loop.make_stream(*this)) {}

  Awaitable<error_code> connect(net::Endpoint endpoint) override {
    stream_->connect(endpoint);
    while (!connected_ && !is_closed_) co_await changed_.wait(net::Time::max());
    co_return is_closed_ ? net::asio::error::operation_aborted : from_errno(*connected_);
  }

  Awaitable<Received> read_some(std::span<std::byte> into) override {
    received_.reset();
    if (!is_closed_) stream_->receive(into, 1);
    while (!received_ && !is_closed_) co_await changed_.wait(net::Time::max());
    if (is_closed_) co_return Received{.error = net::asio::error::operation_aborted, .size = 0};
    co_return *received_;
  }

  Awaitable<error_code> write(std::span<const std::byte> bytes) override {
    sent_.reset();
    // A send reads what an iovec points to, whose type does not say so.
    piece_ = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    if (!is_closed_) stream_->send(std::span(&piece_, 1));
    while (!sent_ && !is_closed_) co_await changed_.wait(net::Time::max());
    co_return is_closed_ ? net::asio::error::operation_aborted : from_errno(*sent_);
  }

  void close() override {
    if (is_closed_) return;
    is_closed_ = true;
    stream_->close();
    changed_.announce();
  }

 private:
  void on_connected(int error) override {
    connected_ = error;
    changed_.announce();
  }
  void on_received(std::size_t size, int error) override {
    received_ = Received{.error = error == 0 ? error_code() : error_code(net::asio::error::eof), .size = size};
    changed_.announce();
  }
  void on_sent(int error) override {
    sent_ = error;
    changed_.announce();
  }
  void on_closed() override {}

  net::Signal changed_;
  std::unique_ptr<net::Stream> stream_;
  std::optional<int> connected_;
  std::optional<Received> received_;
  std::optional<int> sent_;
  iovec piece_{};
  bool is_closed_ = false;
};

}  // namespace

Awaitable<net::Network::Resolved> SimNetwork::resolve(net::HostPort address) {
  Resolved resolved;
  resolved.endpoints.push_back(net::Endpoint::from_ip("127.0.0.1", address.port));
  co_return resolved;
}

std::unique_ptr<net::Channel> SimNetwork::make_channel(const net::asio::any_io_executor& executor) {
  return std::make_unique<SimChannel>(executor, loop_);
}

}  // namespace shunt::sim
