// The TlsContext for new connections, made again when the files it was made from have changed (net/file_watch.h).
//
// What cannot be read, or not as a whole, changes nothing: the context there was stays in use, and is told why.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/file_watch.h"
#include "net/tls_context.h"

namespace shunt::net {

class TlsSource {
 public:
  /// Null: something cannot be used; `why` says what, and never holds a secret.
  static std::shared_ptr<TlsSource> make(TlsSettings settings, std::string& why);

  /// For one more connection; any thread.
  [[nodiscard]] std::shared_ptr<const TlsContext> current() const;

  /// To be called now and then, by one thread.
  std::optional<FileNews> look();

 private:
  explicit TlsSource(TlsSettings settings);

  const TlsSettings settings_;
  FileWatch watch_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;  // guarded by mutex_
};

}  // namespace shunt::net
