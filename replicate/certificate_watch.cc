#include "replicate/certificate_watch.h"

#include <map>
#include <string>

#include <spdlog/spdlog.h>

namespace shunt::replicate {

CertificateWatch::CertificateWatch(const Config& config) {
  for (const ClientConfig* client : config.clients()) {
    if (client->security.tls) sources_.insert(client->security.tls);
  }
}

void CertificateWatch::look() {
  std::map<std::string, bool> said;  // the clients of a cluster mostly share their files
  for (const auto& source : sources_) {
    if (const auto news = source->look()) said[news->text] = news->is_good;
  }
  for (const auto& [text, is_good] : said) spdlog::log(is_good ? spdlog::level::info : spdlog::level::err, "{}", text);
}

}  // namespace shunt::replicate
