// The files that a configuration's certificates and passwords come from, looked at now and then: what has changed is read again,
// for new connections, and told in the log (net/tls_source.h, net/credentials_source.h).
#pragma once

#include <memory>
#include <set>

#include "net/security.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

class SecurityWatch {
 public:
  explicit SecurityWatch(const Config& config);

  /// There is nothing to watch.
  [[nodiscard]] bool is_idle() const { return tls_.empty() && credentials_.empty(); }
  /// About once a second, by one thread.
  void look();

 private:
  std::set<std::shared_ptr<net::TlsSource>> tls_;
  std::set<std::shared_ptr<net::CredentialsSource>> credentials_;
};

}  // namespace shunt::replicate
