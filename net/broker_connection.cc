#include "net/broker_connection.h"

#include <utility>

#include <fmt/format.h>

#include "net/token_login.h"

namespace shunt::net {

namespace {

std::string seconds(Duration duration) {
  return fmt::format("{:.2g} s", std::chrono::duration<double>(duration).count());
}

/// Closes a channel when time is up, which ends whatever it waits for. Must not outlive the channel.
class Guillotine {
 public:
  Guillotine(const asio::any_io_executor& executor, Channel& channel, Time deadline) : alarm_(executor, deadline) {
    alarm_.on_expiry([&channel, fallen = fallen_] {
      if (std::exchange(*fallen, true)) return;
      channel.close();
    });
  }
  ~Guillotine() {
    // A wait that has ended but was not yet delivered must not touch the channel any more.
    *fallen_ = true;
  }
  Guillotine(const Guillotine&) = delete;
  Guillotine& operator=(const Guillotine&) = delete;

  [[nodiscard]] bool has_fallen() const { return *fallen_; }

 private:
  std::shared_ptr<bool> fallen_ = std::make_shared<bool>(false);
  Alarm alarm_;
};

}  // namespace

const char* to_string(BrokerStep step) {
  switch (step) {
    case BrokerStep::resolve:
      return "DNS";
    case BrokerStep::connect:
      return "TCP connect";
    case BrokerStep::tls:
      return "TLS";
    case BrokerStep::handshake:
      return "ApiVersions";
    case BrokerStep::sasl:
      return "SASL";
    case BrokerStep::request:
      return "request";
  }
  return "?";
}

BrokerError::BrokerError(const std::string& broker, BrokerStep step, const std::string& reason, bool is_final)
    : std::runtime_error(fmt::format("{}: {}: {}", broker, to_string(step), reason)),
      step_(step),
      is_final_(is_final) {}

BrokerConnection::BrokerConnection(Private, const asio::any_io_executor& executor,
                                   std::shared_ptr<const ClientSettings> settings, std::string broker, std::string host)
    : settings_(std::move(settings)),
      broker_(std::move(broker)),
      executor_(executor),
      handshake_(settings_->client_id, settings_->security.credentials, std::move(host)),
      frames_(handshake_limit_bytes),
      deadline_alarm_(executor),
      session_alarm_(executor),
      resume_alarm_(executor),
      changed_(executor) {}

// ---- Opening --------------------------------------------------------------------------------------------------------

Awaitable<std::shared_ptr<BrokerConnection>> BrokerConnection::open(std::shared_ptr<const ClientSettings> settings,
                                                                    std::string broker, HostPort address) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto connection = std::make_shared<BrokerConnection>(Private{}, executor, settings, std::move(broker), address.host);
  if (settings->security.login) co_await connection->await_token();
  co_await connection->connect(address);
  const Time deadline = now() + settings->handshake_timeout;
  if (settings->security.tls) co_await connection->begin_tls(address.host, deadline);
  co_await connection->shake_hands(deadline);
  connection->frames_.set_limit(settings->memory->largest_answer(), settings->memory);
  asio::co_spawn(executor, connection->read(), asio::detached);
  co_return connection;
}

Awaitable<> BrokerConnection::await_token() {
  constexpr Duration between_looks = std::chrono::milliseconds(5);
  TokenLogin& login = *settings_->security.login;
  login.start();
  const Time deadline = now() + settings_->handshake_timeout;
  while (true) {
    const sasl::CurrentToken::State state = login.current()->get();
    if (state.token) co_return;
    if (!state.failure.empty() || now() >= deadline) {
      const std::string why = state.failure.empty() ? "none has come yet" : state.failure;
      throw BrokerError(broker_, BrokerStep::sasl, "OAUTHBEARER: no token: " + why, state.is_final);
    }
    co_await sleep_until(now() + between_looks);
  }
}

Awaitable<> BrokerConnection::connect(HostPort address) {
  const Network::Resolved found = co_await settings_->network->resolve(address);
  if (found.error) {
    throw BrokerError(broker_, BrokerStep::resolve,
                      fmt::format("cannot resolve \"{}\": {}", address.host, found.error.message()));
  }
  std::string reasons;
  for (const Endpoint& endpoint : found.endpoints) {
    boost::system::error_code error;
    bool timed_out = false;
    {
      channel_ = settings_->network->make_channel(executor_);
      Guillotine guillotine(executor_, *channel_, now() + settings_->connect_timeout);
      error = co_await channel_->connect(endpoint);
      timed_out = guillotine.has_fallen();
    }
    if (!error && !timed_out) {
      remote_ = endpoint;
      co_return;
    }
    if (!reasons.empty()) reasons += "; ";
    reasons += fmt::format("{}: {}", endpoint.to_string(),
                           timed_out ? "no answer within " + seconds(settings_->connect_timeout) : error.message());
  }
  throw BrokerError(broker_, BrokerStep::connect, reasons);
}

Awaitable<> BrokerConnection::begin_tls(const std::string& host, Time deadline) {
  auto tls =
      std::make_unique<TlsChannel>(std::move(channel_), settings_->security.tls->current(), host, remote_.to_string());
  tls_ = tls.get();
  channel_ = std::move(tls);
  Guillotine guillotine(executor_, *channel_, deadline);
  const boost::system::error_code error = co_await tls_->shake_hands();
  if (guillotine.has_fallen()) {
    throw BrokerError(
        broker_, BrokerStep::tls,
        fmt::format("no answer within {}: no TLS server, or one that hangs", seconds(settings_->handshake_timeout)));
  }
  if (error) {
    throw BrokerError(broker_, BrokerStep::tls, tls_->reason().empty() ? error.message() : tls_->reason(),
                      error == TlsChannel::failure());
  }
}

BrokerError BrokerConnection::handshake_error(const std::string& reason, bool is_final) const {
  const bool is_sasl = handshake_.stage() == Handshake::Stage::sasl;
  return {broker_, is_sasl ? BrokerStep::sasl : BrokerStep::handshake, reason, is_final};
}

Awaitable<> BrokerConnection::shake_hands(Time deadline) {
  std::vector<std::byte> output = handshake_.start();
  Guillotine guillotine(executor_, *channel_, deadline);
  while (true) {
    // Reading tells why it failed. Named: g++ 12 destroys the awaitable of a result that nobody takes twice.
    [[maybe_unused]] const boost::system::error_code ignored = co_await channel_->write(output);
    sasl::wipe(output);
    auto frame = frames_.next();
    while (!frame) {
      if (frames_.failed()) throw handshake_error(frames_.reason(), true);
      const std::span<std::byte> room = frames_.prepare();
      const auto [error, size] = co_await channel_->read_some(room);
      frames_.received(size);
      if (guillotine.has_fallen()) {
        throw handshake_error(
            fmt::format("{} (waited {})", handshake_.explain_silence(), seconds(settings_->handshake_timeout)));
      }
      if (error && has_tls_failed()) {
        throw BrokerError(broker_, BrokerStep::tls, tls_->reason(), error == TlsChannel::failure());
      }
      if (error) throw handshake_error(handshake_.explain_close(frames_.pending()));
      frame = frames_.next();
    }
    Handshake::Step step = handshake_.handle_frame(frame.value_or(std::span<const std::byte>()));
    while (step == Handshake::Step::wait) {
      co_await sleep_until(now() + resume_interval);
      if (guillotine.has_fallen()) {
        throw handshake_error(fmt::format("the exchange could not be begun within {}: what it needs of others is late",
                                          seconds(settings_->handshake_timeout)));
      }
      step = handshake_.resume();
    }
    switch (step) {
      case Handshake::Step::send:
        output = handshake_.take_output();
        break;
      case Handshake::Step::wait:
        break;
      case Handshake::Step::failed:
        throw handshake_error(handshake_.reason(), true);
      case Handshake::Step::ready:
        watch_session();
        co_return;
    }
  }
}

// ---- The session (KIP-368) ------------------------------------------------------------------------------------------

void BrokerConnection::watch_session() {
  const auto delay = handshake_.renewal_delay();
  if (!delay) {
    session_alarm_.cancel();
    return;
  }
  session_alarm_.set(now() + *delay);
  session_alarm_.on_expiry([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->is_open() || self->session_ != Session::valid) return;
    self->session_ = Session::ending;
    self->renew_session();
  });
}

void BrokerConnection::renew_session() {
  if (session_ != Session::ending || pipeline_.size() > 0) return;
  session_ = Session::renewing;
  send(handshake_.reauthenticate());
  session_alarm_.set(now() + settings_->handshake_timeout);
  session_alarm_.on_expiry([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->session_ == Session::renewing) self->fail(self->handshake_.explain_silence());
  });
}

void BrokerConnection::handle_renewal(Handshake::Step step) {
  switch (step) {
    case Handshake::Step::send:
      send(handshake_.take_output());
      break;
    case Handshake::Step::wait:
      resume_alarm_.set(now() + resume_interval);
      resume_alarm_.on_expiry([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->is_open()) self->handle_renewal(self->handshake_.resume());
      });
      break;
    case Handshake::Step::failed:
      fail("cannot authenticate again: " + handshake_.reason());
      break;
    case Handshake::Step::ready:
      session_ = Session::valid;
      watch_session();
      changed_.announce();
      break;
  }
}

// ---- Requests -------------------------------------------------------------------------------------------------------

Awaitable<std::vector<std::byte>> BrokerConnection::exchange(std::function<std::vector<std::byte>(std::int32_t)> encode,
                                                             std::string what, Time deadline) {
  const auto self = shared_from_this();
  const Time begun = now();
  while (is_open() && (now() < pipeline_.not_before() || session_ != Session::valid)) {
    if (pipeline_.not_before() >= deadline) {
      throw BrokerError(broker_, BrokerStep::request,
                        fmt::format("{} was not sent: the broker throttles this client for another {} (quota)", what,
                                    seconds(pipeline_.not_before() - now())));
    }
    if (now() >= deadline) {
      throw BrokerError(broker_, BrokerStep::request,
                        fmt::format("{} was not sent: it waited for the session to be renewed", what));
    }
    co_await changed_.wait(session_ == Session::valid ? pipeline_.not_before() : deadline);
  }
  if (!is_open()) throw BrokerError(broker_, BrokerStep::request, reason_);

  const auto call = std::make_shared<Call>();
  call->what = std::move(what);
  call->timeout = deadline - begun;
  std::vector<std::byte> frame = encode(pipeline_.next_correlation_id());
  if (pipeline_.size() == 0) heard_at_ = now();
  pipeline_.begin(call, deadline);
  watch_deadline();
  send(std::move(frame));
  while (!call->done) co_await changed_.wait(Time::max());
  if (!call->error.empty()) throw BrokerError(broker_, BrokerStep::request, call->error);
  co_return std::move(call->answer);
}

void BrokerConnection::handle_throttle(std::int32_t throttle_time_ms) {
  if (throttle_time_ms <= 0) return;
  pipeline_.handle_throttle(throttle_time_ms, now());
  watch_deadline();
}

void BrokerConnection::fail(const std::string& reason) {
  if (!is_open()) return;
  reason_ = reason.empty() ? "closed" : reason;
  if (channel_) channel_->close();
  deadline_alarm_.cancel();
  session_alarm_.cancel();
  resume_alarm_.cancel();
  for (const std::shared_ptr<Call>& call : pipeline_.abandon()) {
    call->done = true;
    call->error = fmt::format("{}: {}", call->what, reason_);
  }
  changed_.announce();
}

std::string BrokerConnection::explain_loss(const boost::system::error_code& error) const {
  if (has_tls_failed()) return "TLS: " + tls_->reason();
  std::string text =
      error == asio::error::eof ? "the broker closed the connection" : "connection lost: " + error.message();
  if (!answered_ && pipeline_.size() > 0 && !settings_->security.credentials) {
    text += " right after the first request: a listener that demands SASL authentication does so";
  }
  return text;
}

// ---- Reading and writing --------------------------------------------------------------------------------------------

Awaitable<> BrokerConnection::read() {
  const auto self = shared_from_this();
  while (is_open()) {
    const std::span<std::byte> room = frames_.prepare();
    if (frames_.failed()) {
      fail(frames_.reason());
      co_return;
    }
    const auto [error, size] = co_await channel_->read_some(room);
    if (!is_open()) co_return;
    if (error) {
      fail(explain_loss(error));
      co_return;
    }
    frames_.received(size);
    handle_frames();
  }
}

void BrokerConnection::handle_frames() {
  while (is_open()) {
    const auto frame = frames_.next();
    if (!frame) break;
    session_ == Session::renewing ? handle_renewal(handshake_.handle_frame(*frame)) : handle_answer(*frame);
  }
  if (!is_open()) return;
  if (frames_.failed()) {
    fail(frames_.reason());
  } else {
    watch_deadline();
  }
}

void BrokerConnection::handle_answer(std::span<const std::byte> frame) {
  const auto answered = pipeline_.handle_frame(frame);
  if (!answered) {
    fail(pipeline_.reason());
    return;
  }
  Call& call = **answered;
  answered_ = true;
  heard_at_ = now();
  call.answer = frames_.take(frame);
  call.done = true;
  changed_.announce();
  renew_session();
}

void BrokerConnection::send(std::vector<std::byte> frame) {
  outgoing_.push_back(std::move(frame));
  if (writing_) return;
  writing_ = true;
  asio::co_spawn(executor_, write(), asio::detached);
}

Awaitable<> BrokerConnection::write() {
  const auto self = shared_from_this();
  while (is_open() && !outgoing_.empty()) {
    std::vector<std::byte> frame = std::move(outgoing_.front());
    outgoing_.pop_front();
    const boost::system::error_code error = co_await channel_->write(frame);
    if (session_ == Session::renewing) sasl::wipe(frame);
    if (error && is_open()) fail(explain_loss(error));
  }
  writing_ = false;
}

void BrokerConnection::watch_deadline() {
  const auto deadline = pipeline_.deadline();
  if (!deadline) {
    deadline_alarm_.cancel();
    return;
  }
  deadline_alarm_.set(*deadline);
  deadline_alarm_.on_expiry([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->is_open()) return;
    if (const auto* call = self->pipeline_.overdue(now())) {
      self->fail(fmt::format("no answer to {} within {}", (*call)->what, seconds((*call)->timeout)));
    } else {
      self->watch_deadline();
    }
  });
}

}  // namespace shunt::net
