#include "net/tls_source.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

namespace shunt::net {

bool TlsSource::Identity::operator==(const Identity& other) const {
  return exists == other.exists && device == other.device && inode == other.inode && size == other.size &&
         modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

std::shared_ptr<TlsSource> TlsSource::make(TlsSettings settings, std::string& why) {
  std::shared_ptr<TlsSource> source(new TlsSource(std::move(settings)));
  for (const auto* store : {&source->settings_.trust, &source->settings_.own}) {
    if (*store && !(*store)->path.empty()) source->paths_.push_back((*store)->path);
  }
  source->read_ = source->seen_ = source->identities();
  source->context_ = TlsContext::make(source->settings_, why);
  return source->context_ ? source : nullptr;
}

std::shared_ptr<const TlsContext> TlsSource::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::vector<TlsSource::Identity> TlsSource::identities() const {
  std::vector<Identity> all;
  all.reserve(paths_.size());
  for (const std::string& path : paths_) {
    struct stat found {};
    Identity& identity = all.emplace_back();
    if (::stat(path.c_str(), &found) != 0) continue;
    identity = {.exists = true,
                .device = found.st_dev,
                .inode = found.st_ino,
                .size = found.st_size,
                .modified = found.st_mtim};
  }
  return all;
}

std::optional<TlsSource::News> TlsSource::look() {
  std::vector<Identity> now = identities();
  const bool stands_still = now == std::exchange(seen_, now);
  if (!stands_still || now == read_) return std::nullopt;
  read_ = std::move(now);
  std::string why;
  std::shared_ptr<const TlsContext> context = TlsContext::make(settings_, why);
  if (!context) {
    return News{
        .is_good = false,
        .text = fmt::format("{} changed and cannot be used: {}; new connections go on with what was read before",
                            fmt::join(paths_, ", "), why)};
  }
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return News{.is_good = true,
              .text = fmt::format("{} changed and was read again, for new connections", fmt::join(paths_, ", "))};
}

}  // namespace shunt::net
