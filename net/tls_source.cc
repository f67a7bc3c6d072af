#include "net/tls_source.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::net {

namespace {

void add_stores(const TlsSettings& settings, std::vector<std::string>& files) {
  for (const auto* store : {&settings.trust, &settings.own}) {
    if (*store && !(*store)->path.empty()) files.push_back((*store)->path);
  }
}

}  // namespace

std::shared_ptr<TlsSource> TlsSource::make(TlsSettings settings, std::string& why) {
  const Read same = [settings = std::move(settings)](std::string&) { return settings; };
  return make(same, {}, why);
}

std::shared_ptr<TlsSource> TlsSource::make(const Read& read, const std::vector<std::string>& files, std::string& why) {
  const auto settings = read(why);
  if (!settings) return nullptr;
  std::vector<std::string> watched;
  add_stores(*settings, watched);
  watched.insert(watched.end(), files.begin(), files.end());
  // From now on changes are seen; what has changed before is read now.
  std::shared_ptr<TlsSource> source(new TlsSource(read, FileWatch(std::move(watched))));
  source->context_ = source->make_context(why);
  return source->context_ ? source : nullptr;
}

std::shared_ptr<const TlsContext> TlsSource::make_context(std::string& why) const {
  const auto settings = read_(why);
  return settings ? TlsContext::make(*settings, why) : nullptr;
}

std::shared_ptr<const TlsContext> TlsSource::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::optional<FileNews> TlsSource::look() {
  if (!watch_.has_changed()) return std::nullopt;
  const std::string files = fmt::format("{}", fmt::join(watch_.paths(), ", "));
  std::string why;
  std::shared_ptr<const TlsContext> context = make_context(why);
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
