#include "replicate/data/link.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "net/tls_stream.h"

namespace shunt::replicate {

Link::Link(net::Loop& loop, LinkSettings settings, Owner& owner, std::string what)
    : loop_(loop),
      settings_(std::move(settings)),
      owner_(owner),
      what_(std::move(what)),
      peer_(what_),
      frames_(net::handshake_limit_bytes),
      backoff_(settings_.backoff_min, settings_.backoff_max, net::random_seed()),
      connect_timer_(loop, [this] { state_ == State::closing ? on_closed() : connect(); }),
      setup_timer_(loop, [this] { fail("no answer within the time allowed for connecting"); }),
      session_timer_(loop,
                     [this] {
                       session_ends_ = true;
                       owner_.on_link_session_ends();
                     }),
      resume_timer_(loop, [this] { follow_handshake(handshake_->resume()); }) {}

Link::~Link() = default;

void Link::open(const net::Endpoint& endpoint, const std::string& host) {
  if (state_ != State::down) return;
  if (was_refused_ && loop_.now() < not_before_) {
    state_ = State::closing;
    connect_timer_.set(loop_.now());
    return;
  }
  peer_ = fmt::format("{} ({})", what_, endpoint.to_string());
  reason_.clear();
  endpoint_ = endpoint;
  host_ = host;
  ready_since_.reset();
  was_refused_ = false;
  if (loop_.now() < not_before_) {
    state_ = State::waiting;
    connect_timer_.set(not_before_);
  } else {
    connect();
  }
}

void Link::connect() {
  state_ = State::connecting;
  handshake_ = std::make_unique<net::Handshake>(settings_.client_id, settings_.security.credentials, host_);
  frames_ = net::FrameReader(net::handshake_limit_bytes);
  net::StreamEvents& events = *this;
  if (settings_.security.tls) {
    stream_ = std::make_unique<net::TlsStream>(loop_, events, settings_.security.tls->current(), host_,
                                               endpoint_.to_string());
  } else {
    stream_ = loop_.make_stream(events);
  }
  setup_timer_.set(loop_.now() + settings_.setup_timeout);
  stream_->connect(endpoint_);
}

void Link::fail(const std::string& reason) {
  if (state_ == State::down || state_ == State::closing) return;
  reason_ = fmt::format("{}: {}", peer_, reason);
  space_attempts();
  const bool has_stream = state_ != State::waiting;
  state_ = State::closing;
  setup_timer_.cancel();
  session_timer_.cancel();
  resume_timer_.cancel();
  if (has_stream) {
    stream_->close();
  } else {
    connect_timer_.set(loop_.now());
  }
}

/// A connection that was of use for a while is replaced at once.
void Link::space_attempts() {
  if (ready_since_ && !was_refused_ && loop_.now() - *ready_since_ > settings_.backoff_max) {
    backoff_.reset();
    not_before_ = {};
  } else if (state_ != State::waiting) {
    not_before_ = loop_.now() + backoff_.next(was_refused_);
  }
}

void Link::on_closed() {
  state_ = State::down;
  stream_.reset();
  sasl::wipe(outgoing_);
  handshake_sending_ = false;
  owners_receive_.reset();
  owners_receive_armed_ = false;
  owner_.on_link_down(reason_);
}

void Link::on_connected(int error) {
  if (error != 0) {
    was_refused_ = error == EPROTO;
    fail(fmt::format("cannot connect: {}", stream_->explain(error)));
    return;
  }
  state_ = State::handshaking;
  shake_hands(handshake_->start());
}

// ---- Handshake ------------------------------------------------------------------------------------------------------

void Link::reauthenticate() {
  state_ = State::handshaking;
  setup_timer_.set(loop_.now() + settings_.setup_timeout);
  // Its answers arrive where the owner would have received: read_handshake() takes them from there.
  if (owners_receive_armed_) stream_->set_at_least(1);
  shake_hands(handshake_->reauthenticate());
}

void Link::shake_hands(std::vector<std::byte> bytes) {
  outgoing_ = std::move(bytes);
  outgoing_piece_ = {.iov_base = outgoing_.data(), .iov_len = outgoing_.size()};
  handshake_sending_ = true;
  stream_->send({&outgoing_piece_, 1});
}

void Link::on_sent(int error) {
  const bool is_handshakes = std::exchange(handshake_sending_, false);
  if (is_handshakes) sasl::wipe(outgoing_);
  if (error != 0) {
    fail(fmt::format("connection lost while sending: {}", stream_->explain(error)));
  } else if (is_handshakes) {
    read_handshake();
  } else {
    owner_.on_link_sent();
  }
}

void Link::read_handshake() {
  if (handshake_sending_) return;  // an answer that was faster than the news that its request is sent
  const auto frame = frames_.next();
  if (!frame) {
    if (frames_.failed()) {
      fail(frames_.reason());
    } else if (!owners_receive_armed_) {
      stream_->receive(frames_.prepare(), 1);
    }
    return;
  }
  follow_handshake(handshake_->handle_frame(*frame));
}

void Link::follow_handshake(net::Handshake::Step step) {
  switch (step) {
    case net::Handshake::Step::send:
      shake_hands(handshake_->take_output());
      break;
    case net::Handshake::Step::wait:
      resume_timer_.set(loop_.now() + net::resume_interval);
      break;
    case net::Handshake::Step::failed:
      was_refused_ = handshake_->stage() == net::Handshake::Stage::sasl;
      fail(handshake_->reason());
      break;
    case net::Handshake::Step::ready:
      become_ready();
      break;
  }
}

void Link::become_ready() {
  setup_timer_.cancel();
  session_ends_ = false;
  if (!ready_since_) ready_since_ = loop_.now();
  if (const auto delay = handshake_->renewal_delay()) session_timer_.set(loop_.now() + *delay);
  if (!frames_.pending().empty()) {
    fail("the peer goes on where its part of the handshake has ended");
    return;
  }
  state_ = State::ready;
  if (owners_receive_) receive(owners_receive_->into, owners_receive_->at_least);
  owner_.on_link_ready();
}

// ---- Bytes ----------------------------------------------------------------------------------------------------------

void Link::receive(std::span<std::byte> into, std::size_t at_least) {
  owners_receive_ = {.into = into, .at_least = at_least};
  owners_receive_armed_ = true;
  stream_->receive(into, at_least);
}

void Link::set_at_least(std::size_t at_least) {
  if (owners_receive_) owners_receive_->at_least = at_least;
  if (is_ready()) stream_->set_at_least(at_least);
}

void Link::on_received(std::size_t size, int error) {
  const bool is_owners = std::exchange(owners_receive_armed_, false);
  if (state_ == State::ready) {
    owners_receive_.reset();
    if (error == 0) {
      owner_.on_link_received(size);
    } else {
      fail(fmt::format("connection lost: {}", error == ECONNRESET ? "closed by the broker" : stream_->explain(error)));
    }
    return;
  }
  if (is_owners) {
    frames_.append(owners_receive_->into.first(size));
  } else {
    frames_.received(size);
  }
  if (error == 0) {
    read_handshake();
  } else {
    fail(error == EPROTO ? stream_->explain(error) : handshake_->explain_close(frames_.pending()));
  }
}

}  // namespace shunt::replicate
