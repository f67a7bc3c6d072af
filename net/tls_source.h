// The TlsContext for new connections, made again when the files it was made from have changed. Replaced by rename, in place,
// or by another target of a symbolic link (as Kubernetes mounts secrets): whatever opens under the same path counts.
//
// What cannot be read, or not as a whole, changes nothing: the context there was stays in use, and is told why.
#pragma once

#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/tls_context.h"

namespace shunt::net {

class TlsSource {
 public:
  /// Null: something cannot be used; `why` says what, and never holds a secret.
  static std::shared_ptr<TlsSource> make(TlsSettings settings, std::string& why);

  /// For one more connection; any thread.
  [[nodiscard]] std::shared_ptr<const TlsContext> current() const;

  struct News {
    bool is_good = false;
    std::string text;
  };
  /// Compares the files with what they were: to be called now and then, by one thread. What has changed is read at the next
  /// call, if it is the same then: whoever writes is given the time in between.
  std::optional<News> look();

 private:
  struct Identity {
    bool exists = false;
    unsigned long device = 0;
    unsigned long inode = 0;
    long size = 0;
    timespec modified{};
    bool operator==(const Identity& other) const;
  };

  explicit TlsSource(TlsSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::vector<Identity> identities() const;

  const TlsSettings settings_;
  std::vector<std::string> paths_;
  std::vector<Identity> read_;  // what was read last, or was tried to
  std::vector<Identity> seen_;  // by the last look
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;  // guarded by mutex_
};

}  // namespace shunt::net
