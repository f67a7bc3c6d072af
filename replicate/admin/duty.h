// One of the things the admin path does for a flow, again and again.
#pragma once

#include "net/asio.h"
#include "replicate/status.h"

namespace shunt::replicate {

class Duty {
 public:
  virtual ~Duty() = default;

  /// For people, and for metrics: "heartbeats".
  [[nodiscard]] virtual const char* name() const = 0;
  [[nodiscard]] virtual net::Duration interval() const = 0;
  /// There is something that is not to wait for the interval; asked once a second.
  [[nodiscard]] virtual bool is_due_early() const { return false; }
  /// It is worth doing once more when the mirror ends, after its last record.
  [[nodiscard]] virtual bool is_due_at_the_end() const { return false; }
  /// Once. Throws what can be tried again: net::BrokerError, ClusterError, LogError.
  virtual net::Awaitable<> perform() = 0;
  /// Ends the connections that are its own; what is under way fails.
  virtual void close() {}
  /// What it has to tell beside how it fares. From any thread.
  virtual void append_status(MirrorStatus& /*status*/) const {}
};

}  // namespace shunt::replicate
