#include "net/broker_connection.h"

#include <utility>

#include <fmt/format.h>

#include "net/handshake.h"

namespace shunt::net {

namespace {

std::string seconds(Duration duration) {
  return fmt::format("{:.2g} s", std::chrono::duration<double>(duration).count());
}

/// Closes a channel when time is up, which ends whatever it waits for. Must not outlive the channel.
class Guillotine {
 public:
  Guillotine(const asio::any_io_executor& executor, Channel& channel, Duration timeout)
      : alarm_(executor, now() + timeout) {
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
    case BrokerStep::handshake:
      return "handshake";
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
                                   std::shared_ptr<const ClientSettings> settings, std::string broker)
    : settings_(std::move(settings)),
      broker_(std::move(broker)),
      executor_(executor),
      frames_(handshake_limit_bytes),
      deadline_alarm_(executor),
      changed_(executor) {}

// ---- Opening --------------------------------------------------------------------------------------------------------

Awaitable<std::shared_ptr<BrokerConnection>> BrokerConnection::open(std::shared_ptr<const ClientSettings> settings,
                                                                    std::string broker, HostPort address) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto connection = std::make_shared<BrokerConnection>(Private{}, executor, settings, std::move(broker));
  co_await connection->connect(address);
  co_await connection->shake_hands();
  connection->frames_.set_limit(settings->response_limit_bytes);
  asio::co_spawn(executor, connection->read(), asio::detached);
  co_return connection;
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
      Guillotine guillotine(executor_, *channel_, settings_->connect_timeout);
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

Awaitable<> BrokerConnection::shake_hands() {
  Handshake handshake(settings_->client_id);
  std::vector<std::byte> output = handshake.start();
  Guillotine guillotine(executor_, *channel_, settings_->handshake_timeout);
  while (true) {
    // Reading tells why it failed. Named: g++ 12 destroys the awaitable of a result that nobody takes twice.
    [[maybe_unused]] const boost::system::error_code ignored = co_await channel_->write(output);
    auto frame = frames_.next();
    while (!frame) {
      if (frames_.failed()) throw BrokerError(broker_, BrokerStep::handshake, frames_.reason(), true);
      const std::span<std::byte> room = frames_.prepare();
      const auto [error, size] = co_await channel_->read_some(room);
      frames_.received(size);
      if (guillotine.has_fallen()) {
        throw BrokerError(
            broker_, BrokerStep::handshake,
            fmt::format("{} (waited {})", handshake.explain_silence(), seconds(settings_->handshake_timeout)));
      }
      if (error) throw BrokerError(broker_, BrokerStep::handshake, handshake.explain_close(frames_.pending()));
      frame = frames_.next();
    }
    switch (handshake.handle_frame(frame.value_or(std::span<const std::byte>()))) {
      case Handshake::Step::send:
        output = handshake.take_output();
        break;
      case Handshake::Step::failed:
        throw BrokerError(broker_, BrokerStep::handshake, handshake.reason(), true);
      case Handshake::Step::ready:
        versions_ = handshake.versions();
        co_return;
    }
  }
}

// ---- Requests -------------------------------------------------------------------------------------------------------

Awaitable<std::vector<std::byte>> BrokerConnection::exchange(std::function<std::vector<std::byte>(std::int32_t)> encode,
                                                             std::string what, Time deadline) {
  const auto self = shared_from_this();
  const Time begun = now();
  while (is_open() && now() < pipeline_.not_before()) {
    if (pipeline_.not_before() >= deadline) {
      throw BrokerError(broker_, BrokerStep::request,
                        fmt::format("{} was not sent: the broker throttles this client for another {} (quota)", what,
                                    seconds(pipeline_.not_before() - now())));
    }
    co_await changed_.wait(pipeline_.not_before());
  }
  if (!is_open()) throw BrokerError(broker_, BrokerStep::request, reason_);

  const auto call = std::make_shared<Call>();
  call->what = std::move(what);
  call->timeout = deadline - begun;
  outgoing_.push_back(encode(pipeline_.next_correlation_id()));
  pipeline_.begin(call, deadline);
  watch_deadline();
  if (!writing_) {
    writing_ = true;
    asio::co_spawn(executor_, write(), asio::detached);
  }
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
  for (const std::shared_ptr<Call>& call : pipeline_.abandon()) {
    call->done = true;
    call->error = fmt::format("{}: {}", call->what, reason_);
  }
  changed_.announce();
}

std::string BrokerConnection::explain_loss(const boost::system::error_code& error) const {
  std::string text =
      error == asio::error::eof ? "the broker closed the connection" : "connection lost: " + error.message();
  if (!answered_ && pipeline_.size() > 0) {
    text += " right after the first request: a listener that demands SASL authentication does so";
  }
  return text;
}

// ---- Reading and writing --------------------------------------------------------------------------------------------

Awaitable<> BrokerConnection::read() {
  const auto self = shared_from_this();
  while (is_open()) {
    const std::span<std::byte> room = frames_.prepare();
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
  while (true) {
    const auto frame = frames_.next();
    if (!frame) break;
    const auto answered = pipeline_.handle_frame(*frame);
    if (!answered) {
      fail(pipeline_.reason());
      return;
    }
    Call& call = **answered;
    answered_ = true;
    call.answer.assign(frame->begin(), frame->end());
    call.done = true;
    changed_.announce();
  }
  if (frames_.failed()) {
    fail(frames_.reason());
  } else {
    watch_deadline();
  }
}

Awaitable<> BrokerConnection::write() {
  const auto self = shared_from_this();
  while (is_open() && !outgoing_.empty()) {
    const std::vector<std::byte> frame = std::move(outgoing_.front());
    outgoing_.pop_front();
    const boost::system::error_code error = co_await channel_->write(frame);
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
