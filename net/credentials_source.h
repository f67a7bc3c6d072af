// The credentials for new SASL exchanges, read again when the files they came from have changed: passwords are rotated while
// connections live on, and shunt is not restarted for it.
//
// What cannot be read, or is no password, changes nothing: the credentials there were stay in use, and that is told.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/file_watch.h"
#include "sasl/credentials.h"

namespace shunt::net {

class CredentialsSource {
 public:
  /// Nothing: they cannot be had; `why` says what is wrong, and never holds a secret.
  using Read = std::function<std::optional<sasl::Credentials>(std::string& why)>;

  /// That never change.
  explicit CredentialsSource(sasl::Credentials credentials)
      : CredentialsSource(std::move(credentials), FileWatch({}), nullptr) {}
  /// Which `read` has got, after `watch` was made of its files.
  CredentialsSource(sasl::Credentials credentials, FileWatch watch, Read read);

  /// For one more exchange; any thread.
  [[nodiscard]] std::shared_ptr<const sasl::Credentials> current() const;

  /// To be called now and then, by one thread.
  std::optional<FileNews> look();

 private:
  FileWatch watch_;
  const Read read_;
  mutable std::mutex mutex_;
  std::shared_ptr<const sasl::Credentials> credentials_;  // guarded by mutex_
};

}  // namespace shunt::net
