#include "net/credentials_source.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::net {

CredentialsSource::CredentialsSource(sasl::Credentials credentials, FileWatch watch, Read read)
    : watch_(std::move(watch)),
      read_(std::move(read)),
      credentials_(std::make_shared<const sasl::Credentials>(std::move(credentials))) {}

std::shared_ptr<const sasl::Credentials> CredentialsSource::current() const {
  const std::lock_guard lock(mutex_);
  return credentials_;
}

std::optional<FileNews> CredentialsSource::look() {
  if (!read_ || !watch_.has_changed()) return std::nullopt;
  const std::string files = fmt::format("{}", fmt::join(watch_.paths(), ", "));
  std::string why;
  std::optional<sasl::Credentials> read = read_(why);
  if (!read) {
    return FileNews{.is_good = false,
                    .text = fmt::format("{} changed and cannot be used: {}; new connections go on with the credentials "
                                        "that were read before",
                                        files, why)};
  }
  auto credentials = std::make_shared<const sasl::Credentials>(std::move(*read));
  const std::lock_guard lock(mutex_);
  credentials_ = std::move(credentials);
  return FileNews{.is_good = true,
                  .text = fmt::format("{} changed: new connections show {}", files, credentials_->describe())};
}

}  // namespace shunt::net
