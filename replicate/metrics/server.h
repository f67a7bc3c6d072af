// The HTTP side of a mirror: GET /metrics (Prometheus) and GET /healthz, on a thread of its own. Nothing else is
// served, nothing is changed by a request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/broker_connection.h"
#include "replicate/status.h"

namespace shunt::replicate {

class MetricsServer {
 public:
  /// Listens at once; throws std::runtime_error when it cannot. `status` is called from the server's thread.
  MetricsServer(const net::HostPort& listen, std::function<MirrorStatus()> status);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Where it listens: "127.0.0.1:9464", with the port that port 0 became.
  [[nodiscard]] std::string address() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shunt::replicate
