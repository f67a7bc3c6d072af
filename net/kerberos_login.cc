#include "net/kerberos_login.h"

#include <utility>

#include <pthread.h>

namespace shunt::net {

KerberosLogin::~KerberosLogin() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<sasl::StartedExchange> KerberosLogin::begin(std::shared_ptr<const sasl::Credentials> credentials,
                                                            std::string host) {
  auto exchange = std::make_shared<sasl::StartedExchange>();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back({.exchange = exchange, .credentials = std::move(credentials), .host = std::move(host)});
    if (!thread_.joinable()) {
      thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "kerberos");
        run();
      });
    }
  }
  changed_.notify_all();
  return exchange;
}

void KerberosLogin::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    if (const auto exchange = task.exchange.lock()) {
      start(task, *exchange);
      exchange->is_done.store(true, std::memory_order_release);
    }
    task = {};
    lock.lock();
  }
}

void KerberosLogin::start(const Task& task, sasl::StartedExchange& exchange) const {
  std::string why;
  sasl::CyrusClient::Kerberos kerberos{
      .service = tickets_.settings().service, .host = task.host, .credential = tickets_.acquire(why)};
  const bool has_ticket = kerberos.credential != nullptr;
  exchange.authenticator = std::make_unique<sasl::Authenticator>(*task.credentials, std::move(kerberos));
  exchange.step = has_ticket ? exchange.authenticator->start() : exchange.authenticator->fail("no ticket from " + why);
}

}  // namespace shunt::net
