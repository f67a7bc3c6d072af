#include "net/broker_client.h"

#include <fmt/format.h>

namespace shunt::net {

BrokerClient::BrokerClient(asio::any_io_executor executor, std::shared_ptr<const ClientSettings> settings,
                           const std::string& broker, HostPort address)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      name_(fmt::format("{} ({})", broker, address.to_string())),
      address_(std::move(address)),
      backoff_(settings_->backoff_min, settings_->backoff_max, random_seed()),
      attempted_(executor_) {}

void BrokerClient::close() {
  closed_ = true;
  if (connection_) connection_->fail("closed by shunt");
  attempted_.announce();
}

bool BrokerClient::is_resting() const {
  return !is_connected() && now() < not_before_;
}

Awaitable<std::shared_ptr<BrokerConnection>> BrokerClient::connect(Time deadline) {
  const auto self = shared_from_this();
  while (!is_connected()) {
    if (closed_) throw BrokerError(name_, BrokerStep::connect, "closed by shunt");
    if (!connecting_) {
      connecting_ = true;
      attempted_at_ = now();
      failure_.reset();
      asio::co_spawn(executor_, attempt(), asio::detached);
    }
    co_await attempted_.wait(deadline);
    if (is_connected()) break;
    if (failure_) throw BrokerError(*failure_);
    if (now() >= deadline) {
      throw BrokerError(name_, BrokerStep::connect,
                        fmt::format("not connected in time (waiting for DNS, TCP, or the next attempt){}",
                                    last_end_.empty() ? "" : "; the last connection ended: " + last_end_));
    }
  }
  co_return connection_;
}

Duration BrokerClient::silence() const {
  if (connecting_) return now() - attempted_at_;
  return is_connected() ? connection_->silence() : Duration{};
}

// On its own, not part of the call that asked for it: other calls wait for it too, and a host name that takes minutes
// to resolve must not hold anybody beyond their deadline.
Awaitable<> BrokerClient::attempt() {
  const auto self = shared_from_this();
  if (connection_ && now() - opened_at_ > settings_->backoff_max) {
    backoff_.reset();
    not_before_ = {};
  }
  if (connection_) last_end_ = connection_->reason();
  connection_.reset();
  if (now() < not_before_) co_await sleep_until(not_before_);
  std::optional<BrokerError> failure;
  if (closed_) {
    failure.emplace(name_, BrokerStep::connect, "closed by shunt");
  } else {
    try {
      auto connection = co_await BrokerConnection::open(settings_, name_, address_);
      if (closed_) connection->fail("closed by shunt");
      connection_ = std::move(connection);
    } catch (const BrokerError& error) {
      failure = error;
    } catch (const std::exception& error) {
      failure.emplace(name_, BrokerStep::connect, error.what());
    }
  }
  if (failure) {
    not_before_ = now() + backoff_.next(failure->is_refusal());
    failure_ = std::move(failure);
  } else {
    opened_at_ = now();
    not_before_ = opened_at_ + backoff_.next(false);
  }
  connecting_ = false;
  attempted_.announce();
}

}  // namespace shunt::net
