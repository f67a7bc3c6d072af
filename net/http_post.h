// One HTTP(S) request and its answer, by libcurl; the only file that knows it. It blocks, and belongs to a thread that may.
//
// No redirect is followed, no proxy used, no cookie or password looked for on the machine: what is sent goes to the URL
// that is named, and nowhere else.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls_context.h"
#include "sasl/secret.h"

namespace shunt::net {

struct HttpUrl {
  std::string text;
  std::string shown;  // for messages: without what may be a secret (user, password, query)
  bool is_https = false;
  bool is_loopback = false;  // by its name: localhost, 127.x.x.x, ::1
};

/// Nothing: it is no URL of http or https with a host.
std::optional<HttpUrl> parse_http_url(std::string_view text);

struct HttpPost {
  HttpUrl url;
  std::string user;  // of HTTP's basic authentication
  sasl::Secret password;
  std::string content_type;
  std::string body;
  TlsSettings tls;
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds whole_timeout{};  // from the beginning to the answer's last byte
  std::size_t answer_limit_bytes = std::size_t{1024} * 1024;
};

struct HttpAnswer {
  long status = 0;         // 0: there is no answer; `failure` says why
  std::vector<char> body;  // may be a secret: whoever takes it wipes it
  std::string failure;
};

/// Ends soon after `stopping` has become true.
HttpAnswer http_post(const HttpPost& post, const std::atomic<bool>& stopping);

}  // namespace shunt::net
