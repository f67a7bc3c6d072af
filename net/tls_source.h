// The TlsContext for new connections, made again when the files it was made from have changed (net/file_watch.h): stores, and
// whatever holds their passwords.
//
// What cannot be read, or not as a whole, changes nothing: the context there was stays in use, and is told why.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/file_watch.h"
#include "net/tls_context.h"

namespace shunt::net {

class TlsSource {
 public:
  /// The settings as they are by now. Nothing: they cannot be had; `why` says what is wrong, and never holds a secret.
  using Read = std::function<std::optional<TlsSettings>(std::string& why)>;

  /// Null: something cannot be used; `why` says what, and never holds a secret. The stores that `settings` name are watched.
  static std::shared_ptr<TlsSource> make(TlsSettings settings, std::string& why);
  /// Of what `read` gives. Watched are the stores that this names at first, and `files`, which hold other parts of it.
  static std::shared_ptr<TlsSource> make(const Read& read, const std::vector<std::string>& files, std::string& why);

  /// For one more connection; any thread.
  [[nodiscard]] std::shared_ptr<const TlsContext> current() const;

  /// To be called now and then, by one thread.
  std::optional<FileNews> look();

 private:
  TlsSource(Read read, FileWatch watch) : read_(std::move(read)), watch_(std::move(watch)) {}
  [[nodiscard]] std::shared_ptr<const TlsContext> make_context(std::string& why) const;

  const Read read_;
  FileWatch watch_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;  // guarded by mutex_
};

}  // namespace shunt::net
