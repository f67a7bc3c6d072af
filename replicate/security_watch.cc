#include "replicate/security_watch.h"

#include <map>
#include <string>

#include <spdlog/spdlog.h>

namespace shunt::replicate {

SecurityWatch::SecurityWatch(const Config& config) {
  for (const ClientConfig* client : config.clients()) {
    if (client->security.tls) tls_.insert(client->security.tls);
    if (client->security.credentials) credentials_.insert(client->security.credentials);
  }
}

void SecurityWatch::look() {
  std::map<std::string, bool> said;  // the clients of a cluster mostly share their files
  const auto look_at = [&said](const auto& sources) {
    for (const auto& source : sources) {
      if (const auto news = source->look()) said[news->text] = news->is_good;
    }
  };
  look_at(tls_);
  look_at(credentials_);
  for (const auto& [text, is_good] : said) spdlog::log(is_good ? spdlog::level::info : spdlog::level::err, "{}", text);
}

}  // namespace shunt::replicate
