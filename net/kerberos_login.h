// Starts exchanges of GSSAPI on a thread of its own, one after the other: that is where files, name servers and the KDC
// are waited for. The tickets it gets serve all connections of a client.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "sasl/kerberos.h"
#include "sasl/slow_start.h"

namespace shunt::net {

class KerberosLogin final : public sasl::SlowStart {
 public:
  explicit KerberosLogin(sasl::KerberosSettings settings) : tickets_(std::move(settings)) {}
  ~KerberosLogin() override;  // waits for the start that is under way
  KerberosLogin(const KerberosLogin&) = delete;
  KerberosLogin& operator=(const KerberosLogin&) = delete;

  std::shared_ptr<sasl::StartedExchange> begin(std::shared_ptr<const sasl::Credentials> credentials,
                                               std::string host) override;

 private:
  struct Task {
    std::weak_ptr<sasl::StartedExchange> exchange;  // gone: nobody waits any more
    std::shared_ptr<const sasl::Credentials> credentials;
    std::string host;
  };
  void run();
  void start(const Task& task, sasl::StartedExchange& exchange) const;

  const sasl::KerberosTickets tickets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;  // guarded by mutex_, as are the next two
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace shunt::net
