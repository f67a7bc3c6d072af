#include "net/http_post.h"

#include <array>
#include <memory>
#include <tuple>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include "net/free.h"

namespace shunt::net {
namespace {

using Curl = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using Headers = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;
using Url = std::unique_ptr<CURLU, Free<curl_url_cleanup>>;
using Text = std::unique_ptr<char, Free<curl_free>>;

/// What the callbacks work on.
struct Exchange {
  const HttpPost& post;
  const std::atomic<bool>& stopping;
  HttpAnswer answer;
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  std::vector<char>& body = exchange.answer.body;
  if (body.size() + size > exchange.post.answer_limit_bytes) {
    exchange.answer.failure = fmt::format("the answer is longer than {} bytes", exchange.post.answer_limit_bytes);
    return 0;
  }
  if (body.capacity() < body.size() + size) {  // growing by itself would leave a copy behind
    std::vector<char> larger;
    larger.reserve((body.size() + size) * 2);
    larger.assign(body.begin(), body.end());
    sasl::wipe(body);
    body.swap(larger);
  }
  body.insert(body.end(), data, data + size);
  return size;
}

int is_to_end(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(context)->stopping.load(std::memory_order_relaxed) ? 1 : 0;
}

CURLcode begin_tls(CURL*, void* ssl_context, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const bool is_ready =
      apply_tls_settings(exchange.post.tls, static_cast<ssl_ctx_st*>(ssl_context), exchange.answer.failure);
  return is_ready ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/// libcurl's own initialisation, once in a process; it stays.
bool initialise_library() {
  static const bool is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return is_ready;
}

Text part_of(const Url& url, CURLUPart part) {
  char* text = nullptr;
  return Text(curl_url_get(url.get(), part, &text, 0) == CURLUE_OK ? text : nullptr);
}

/// Of IPv4. A name may begin with the same digits.
bool is_loopback_address(const char* text) {
  in_addr address{};
  return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  const Url url(curl_url());
  const std::string whole(text);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, whole.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const Text scheme = part_of(url, CURLUPART_SCHEME);
  const Text host = part_of(url, CURLUPART_HOST);
  if (!scheme || !host || host.get()[0] == '\0') return std::nullopt;
  HttpUrl result;
  result.is_https = std::string_view(scheme.get()) == "https";
  if (!result.is_https && std::string_view(scheme.get()) != "http") return std::nullopt;
  const std::string_view name = host.get();
  result.is_loopback = name == "localhost" || name == "[::1]" || is_loopback_address(host.get());
  result.text = whole;
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(url.get(), part, nullptr, 0);
  }
  if (const Text shown = part_of(url, CURLUPART_URL)) result.shown = shown.get();
  return result;
}

HttpAnswer http_post(const HttpPost& post, const std::atomic<bool>& stopping) {
  Exchange exchange{.post = post, .stopping = stopping, .answer = {}};
  const Curl curl(initialise_library() ? curl_easy_init() : nullptr);
  if (!curl) {
    exchange.answer.failure = "libcurl cannot be used";
    return std::move(exchange.answer);
  }
  CURL* handle = curl.get();
  std::array<char, CURL_ERROR_SIZE> error_text{};
  Headers headers(curl_slist_append(nullptr, "Accept: application/json"));
  for (const std::string& line : {"Content-Type: " + post.content_type, std::string("Cache-Control: no-cache")}) {
    if (curl_slist* longer = curl_slist_append(headers.get(), line.c_str())) {
      std::ignore = headers.release();
      headers.reset(longer);
    }
  }
  std::vector<char> password(post.password.reveal().begin(), post.password.reveal().end());
  password.push_back('\0');

  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error_text.data());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // not kept by a name server that hangs
  curl_easy_setopt(handle, CURLOPT_URL, post.url.text.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(handle, CURLOPT_USERNAME, post.user.c_str());
  curl_easy_setopt(handle, CURLOPT_PASSWORD, password.data());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(post.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.data());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(post.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(post.whole_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, is_to_end);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  // Whom to trust is ours to say: as for brokers, not as libcurl was built.
  curl_easy_setopt(handle, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, post.tls.check_host ? 2L : 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, begin_tls);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, &exchange);

  const CURLcode code = curl_easy_perform(handle);
  sasl::wipe(password);
  HttpAnswer answer = std::move(exchange.answer);
  if (code == CURLE_OK) {
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
  }
  sasl::wipe(answer.body);
  if (answer.failure.empty()) answer.failure = error_text[0] != '\0' ? error_text.data() : curl_easy_strerror(code);
  return answer;
}

}  // namespace shunt::net
