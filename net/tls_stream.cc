#include "net/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace shunt::net {

namespace {

constexpr std::size_t read_buffer_bytes = std::size_t{64} * 1024;
constexpr std::size_t write_stretch_bytes = std::size_t{64} * 1024;
constexpr auto longest_silence = std::chrono::milliseconds(100);
constexpr std::size_t record_bytes = TlsRecords::most_plaintext_bytes;

}  // namespace

TlsStream::TlsStream(Loop& loop, StreamEvents& events, std::shared_ptr<const TlsContext> context,
                     const std::string& host, const std::string& address)
    : loop_(loop),
      events_(events),
      session_(std::move(context), host, address),
      inner_(loop.make_stream(*this)),
      ciphertext_(read_buffer_bytes),
      turn_(loop, [this] { turn(); }),
      patience_(loop, [this] { inner_->set_at_least(1); }) {}

std::string TlsStream::explain(int error) const {
  return error == EPROTO ? "TLS: " + reason_ : inner_->explain(error);
}

void TlsStream::close() {
  turn_.cancel();
  patience_.cancel();
  inner_->close();
}

// ---- Handshake ------------------------------------------------------------------------------------------------------

void TlsStream::on_connected(int error) {
  if (error != 0) {
    events_.on_connected(error);
  } else {
    advance_handshake();
  }
}

void TlsStream::advance_handshake() {
  const TlsSession::Outcome outcome = session_.shake_hands();
  if (outcome == TlsSession::Outcome::failed || outcome == TlsSession::Outcome::closed) {
    reason_ = outcome == TlsSession::Outcome::failed ? session_.reason() : TlsSession::explain_close();
    handshake_failed_ = true;
    if (session_.output().empty()) {
      events_.on_connected(EPROTO);
    } else {
      send_output();  // the alert: the peer's log should say why, too
    }
    return;
  }
  is_open_ = outcome == TlsSession::Outcome::done;
  if (!session_.output().empty()) {
    send_output();
  } else {
    continue_handshake();
  }
}

void TlsStream::continue_handshake() {
  if (!is_open_) {
    read_more();
    return;
  }
  connected_ = true;
  events_.on_connected(0);
}

// ---- Receiving ------------------------------------------------------------------------------------------------------

void TlsStream::receive(std::span<std::byte> into, std::size_t at_least) {
  into_ = into;
  at_least_ = at_least;
  filled_ = 0;
  turn_.set(loop_.now());
}

void TlsStream::set_at_least(std::size_t at_least) {
  if (into_.empty()) return;
  at_least_ = std::clamp<std::size_t>(at_least, 1, into_.size());
  turn_.set(loop_.now());
}

void TlsStream::turn() {
  if (write_failed_) {
    write_failed_ = false;
    events_.on_sent(EPROTO);
  } else {
    read();
  }
}

void TlsStream::read() {
  if (into_.empty()) return;
  std::size_t size = 0;
  const TlsSession::Outcome outcome = session_.read(into_.subspan(filled_), size);
  filled_ += size;
  switch (outcome) {
    case TlsSession::Outcome::failed:
      reason_ = session_.reason();
      deliver(EPROTO);
      break;
    case TlsSession::Outcome::closed:
      deliver(ECONNRESET);
      break;
    case TlsSession::Outcome::done:
    case TlsSession::Outcome::more:
      if (filled_ >= at_least_) {
        deliver(0);
      } else if (receive_error_ != 0) {
        deliver(receive_error_);
      } else {
        read_more();
      }
      break;
  }
}

void TlsStream::read_more() {
  const std::size_t least = into_.empty() ? 1 : session_.least_input(at_least_ - filled_);
  const std::size_t wanted = std::min(least, ciphertext_.size());
  patience_.set(loop_.now() + longest_silence);
  if (receiving_) {
    inner_->set_at_least(wanted);
  } else {
    receiving_ = true;
    inner_->receive(ciphertext_, wanted);
  }
}

void TlsStream::on_received(std::size_t size, int error) {
  receiving_ = false;
  patience_.cancel();
  receive_error_ = error;
  session_.receive(std::span(ciphertext_).first(size));
  if (is_open_) {
    read();
  } else if (error != 0 && size == 0) {
    reason_ = TlsSession::explain_close();
    events_.on_connected(EPROTO);
  } else {
    advance_handshake();
  }
}

void TlsStream::deliver(int error) {
  turn_.cancel();
  into_ = {};
  events_.on_received(filled_, error);
}

// ---- Sending --------------------------------------------------------------------------------------------------------

void TlsStream::send(std::span<const iovec> pieces) {
  pieces_ = pieces;
  piece_offset_ = 0;
  encrypt();
  send_output();
}

// Pieces smaller than a record are gathered, for a record costs the same whatever it carries; but not what is sent alone.
void TlsStream::encrypt() {
  bool ok = true;
  while (ok && !pieces_.empty() && session_.output().size() < write_stretch_bytes) {
    const auto* begin = static_cast<const std::byte*>(pieces_.front().iov_base) + piece_offset_;
    const std::size_t left = pieces_.front().iov_len - piece_offset_;
    std::size_t taken = 0;
    if (small_pieces_.empty() && (left >= record_bytes || pieces_.size() == 1)) {
      taken = left >= record_bytes ? std::min(left / record_bytes * record_bytes, write_stretch_bytes) : left;
      ok = session_.write({begin, taken});
    } else {
      taken = std::min(left, record_bytes - small_pieces_.size());
      small_pieces_.insert(small_pieces_.end(), begin, begin + taken);
    }
    piece_offset_ += taken;
    if (piece_offset_ == pieces_.front().iov_len) {
      pieces_ = pieces_.subspan(1);
      piece_offset_ = 0;
    }
    if (small_pieces_.size() == record_bytes || (pieces_.empty() && !small_pieces_.empty())) {
      ok = session_.write(small_pieces_);
      small_pieces_.clear();
    }
  }
  if (!ok) {
    pieces_ = {};
    reason_ = session_.reason();
    write_failed_ = true;
  }
}

void TlsStream::send_output() {
  if (write_failed_) {
    turn_.set(loop_.now());
    return;
  }
  session_.take_output(sending_);
  sending_piece_ = {.iov_base = sending_.data(), .iov_len = sending_.size()};
  inner_->send({&sending_piece_, 1});
}

void TlsStream::on_sent(int error) {
  if (handshake_failed_) {
    events_.on_connected(EPROTO);
  } else if (error != 0) {
    connected_ ? events_.on_sent(error) : events_.on_connected(error);
  } else if (connected_) {
    if (pieces_.empty()) {
      events_.on_sent(0);
    } else {
      encrypt();
      send_output();
    }
  } else {
    continue_handshake();
  }
}

}  // namespace shunt::net
