// Mechanisms whose first message may take a while, because others must be asked for it (GSSAPI: the KDC). It is made on a
// thread that may wait; everything after it is done at once, wherever the exchange goes on.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "sasl/authenticator.h"

namespace shunt::sasl {

/// An exchange that is being started.
struct StartedExchange {
  std::atomic<bool> is_done = false;  // the rest may be touched when it is true
  std::unique_ptr<Authenticator> authenticator;
  Authenticator::Step step = Authenticator::Step::failed;
};

class SlowStart {
 public:
  virtual ~SlowStart() = default;
  /// `host`: the server's name, as it was connected to. Any thread. Nobody needs to wait for the end.
  virtual std::shared_ptr<StartedExchange> begin(std::shared_ptr<const Credentials> credentials, std::string host) = 0;
};

}  // namespace shunt::sasl
