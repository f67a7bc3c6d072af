// The files that a configuration's certificates come from, looked at now and then: what has changed is read again, for new
// connections, and told in the log (net/tls_source.h).
#pragma once

#include <memory>
#include <set>

#include "net/tls_source.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

class CertificateWatch {
 public:
  explicit CertificateWatch(const Config& config);

  /// There is nothing to watch.
  [[nodiscard]] bool is_idle() const { return sources_.empty(); }
  /// About once a second, by one thread.
  void look();

 private:
  std::set<std::shared_ptr<net::TlsSource>> sources_;
};

}  // namespace shunt::replicate
