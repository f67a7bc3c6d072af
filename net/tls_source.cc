#include "net/tls_source.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::net {

namespace {

std::vector<std::string> files_of(const TlsSettings& settings) {
  std::vector<std::string> paths;
  for (const auto* store : {&settings.trust, &settings.own}) {
    if (*store && !(*store)->path.empty()) paths.push_back((*store)->path);
  }
  return paths;
}

}  // namespace

TlsSource::TlsSource(TlsSettings settings) : settings_(std::move(settings)), watch_(files_of(settings_)) {}

std::shared_ptr<TlsSource> TlsSource::make(TlsSettings settings, std::string& why) {
  std::shared_ptr<TlsSource> source(new TlsSource(std::move(settings)));
  source->context_ = TlsContext::make(source->settings_, why);
  return source->context_ ? source : nullptr;
}

std::shared_ptr<const TlsContext> TlsSource::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::optional<FileNews> TlsSource::look() {
  if (!watch_.has_changed()) return std::nullopt;
  const std::string files = fmt::format("{}", fmt::join(watch_.paths(), ", "));
  std::string why;
  std::shared_ptr<const TlsContext> context = TlsContext::make(settings_, why);
  if (!context) {
    return FileNews{
        .is_good = false,
        .text = fmt::format("{} changed and cannot be used: {}; new connections go on with what was read before", files,
                            why)};
  }
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return FileNews{.is_good = true, .text = fmt::format("{} changed and was read again, for new connections", files)};
}

}  // namespace shunt::net
