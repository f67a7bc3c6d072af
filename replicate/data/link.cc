#include "replicate/data/link.h"

#include <cstring>

#include <fmt/format.h>

namespace shunt::replicate {

namespace {
constexpr std::size_t size_prefix = 4;
}

Link::Link(net::Loop& loop, LinkSettings settings, Owner& owner, std::string what)
    : loop_(loop),
      settings_(std::move(settings)),
      owner_(owner),
      what_(std::move(what)),
      peer_(what_),
      setup_timer_(loop, [this] { fail("no answer within the time allowed for connecting"); }) {}

Link::~Link() = default;

void Link::open(const net::Endpoint& endpoint) {
  if (state_ != State::down) return;
  peer_ = fmt::format("{} ({})", what_, endpoint.to_string());
  reason_.clear();
  state_ = State::connecting;
  handshake_ = std::make_unique<net::Handshake>(settings_.client_id);
  stream_ = loop_.make_stream(*this);
  setup_timer_.set(loop_.now() + settings_.setup_timeout);
  stream_->connect(endpoint);
}

void Link::fail(const std::string& reason) {
  if (state_ == State::down || state_ == State::closing) return;
  reason_ = fmt::format("{}: {}", peer_, reason);
  state_ = State::closing;
  setup_timer_.cancel();
  stream_->close();
}

void Link::on_closed() {
  state_ = State::down;
  stream_.reset();
  owner_.on_link_down(reason_);
}

void Link::on_connected(int error) {
  if (error != 0) {
    fail(fmt::format("cannot connect: {}", std::strerror(error)));
    return;
  }
  state_ = State::handshaking;
  send_handshake(handshake_->start());
}

void Link::send_handshake(std::vector<std::byte> bytes) {
  outgoing_ = std::move(bytes);
  outgoing_piece_ = {.iov_base = outgoing_.data(), .iov_len = outgoing_.size()};
  stream_->send({&outgoing_piece_, 1});
}

void Link::on_sent(int error) {
  if (error != 0) {
    fail(fmt::format("connection lost while sending: {}", std::strerror(error)));
  } else if (state_ == State::ready) {
    owner_.on_link_sent();
  } else {
    filled_ = 0;
    incoming_.resize(size_prefix);
    receive_handshake();
  }
}

void Link::receive_handshake() {
  const std::span<std::byte> rest = std::span(incoming_).subspan(filled_);
  stream_->receive(rest, rest.size());
}

void Link::on_received(std::size_t size, int error) {
  if (error != 0) {
    if (state_ == State::handshaking) {
      fail(handshake_->explain_close(std::span(incoming_).first(filled_ + size)));
    } else {
      fail(fmt::format("connection lost: {}", error == ECONNRESET ? "closed by the broker" : std::strerror(error)));
    }
  } else if (state_ == State::ready) {
    owner_.on_link_received(size);
  } else {
    filled_ += size;
    read_handshake();
  }
}

void Link::read_handshake() {
  if (incoming_.size() == size_prefix) {
    const auto frame_size = handshake_->check_size(std::span<const std::byte, size_prefix>(incoming_));
    if (!frame_size) {
      fail(handshake_->reason());
      return;
    }
    incoming_.resize(size_prefix + *frame_size);
    if (*frame_size > 0) {
      receive_handshake();
      return;
    }
  }
  switch (handshake_->handle_frame(std::span<const std::byte>(incoming_).subspan(size_prefix))) {
    case net::Handshake::Step::send:
      send_handshake(handshake_->take_output());
      break;
    case net::Handshake::Step::failed:
      fail(handshake_->reason());
      break;
    case net::Handshake::Step::ready:
      setup_timer_.cancel();
      incoming_ = {};
      outgoing_ = {};
      state_ = State::ready;
      owner_.on_link_ready();
      break;
  }
}

}  // namespace shunt::replicate
