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
  /// Takes the address; throws std::runtime_error when it cannot. `version` is what the build information says.
  MetricsServer(const net::HostPort& listen, std::string version);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Begins to answer; who connected before has waited. `status` is called from the server's thread, until the
  /// destructor. Call once.
  void serve(std::function<MirrorStatus()> status);

  /// Where it listens: "127.0.0.1:9464", with the port that port 0 became.
  [[nodiscard]] std::string address() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shunt::replicate
