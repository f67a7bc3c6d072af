#include "net/tls_channel.h"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>

namespace shunt::net {

using boost::system::error_code;

namespace {

constexpr std::size_t read_buffer_bytes = std::size_t{32} * 1024;
constexpr std::size_t write_stretch_bytes = std::size_t{256} * 1024;

}  // namespace

TlsChannel::TlsChannel(std::unique_ptr<Channel> inner, std::shared_ptr<const TlsContext> context,
                       const std::string& host, const std::string& address)
    : inner_(std::move(inner)), session_(std::move(context), host, address), ciphertext_(read_buffer_bytes) {}

Awaitable<error_code> TlsChannel::connect(Endpoint endpoint) {
  co_return co_await inner_->connect(endpoint);
}

error_code TlsChannel::fail(std::string reason) {
  reason_ = std::move(reason);
  return failure();
}

Awaitable<error_code> TlsChannel::receive() {
  const auto [error, size] = co_await inner_->read_some(ciphertext_);
  session_.receive(std::span(ciphertext_).first(size));
  co_return error;
}

Awaitable<error_code> TlsChannel::send_output() {
  session_.take_output(sending_);
  if (sending_.empty()) co_return error_code();
  co_return co_await inner_->write(sending_);
}

Awaitable<error_code> TlsChannel::shake_hands() {
  while (true) {
    const TlsSession::Outcome outcome = session_.shake_hands();
    // An alert is worth sending; whether it arrives is not worth knowing.
    const error_code send_error = co_await send_output();
    switch (outcome) {
      case TlsSession::Outcome::done:
        co_return send_error;
      case TlsSession::Outcome::failed:
        co_return fail(session_.reason());
      case TlsSession::Outcome::closed:
        reason_ = TlsSession::explain_close();
        co_return asio::error::eof;
      case TlsSession::Outcome::more:
        break;
    }
    const error_code error = co_await receive();
    if (error == asio::error::eof || error == asio::error::connection_reset) reason_ = TlsSession::explain_close();
    if (error) co_return error;
  }
}

Awaitable<Channel::Received> TlsChannel::read_some(std::span<std::byte> into) {
  while (true) {
    std::size_t filled = 0;
    const TlsSession::Outcome outcome = session_.read(into, filled);
    if (filled > 0) co_return Received{.error = {}, .size = filled};
    if (outcome == TlsSession::Outcome::failed) co_return Received{.error = fail(session_.reason()), .size = 0};
    if (outcome == TlsSession::Outcome::closed) co_return Received{.error = asio::error::eof, .size = 0};
    const error_code error = co_await receive();
    if (error) co_return Received{.error = error, .size = 0};
  }
}

Awaitable<error_code> TlsChannel::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto stretch = bytes.first(std::min(bytes.size(), write_stretch_bytes));
    if (!session_.write(stretch)) co_return fail(session_.reason());
    bytes = bytes.subspan(stretch.size());
    const error_code error = co_await send_output();
    if (error) co_return error;
  }
  co_return error_code();
}

}  // namespace shunt::net
