#include "net/token_sources.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/machine.h"
#include "sasl/bearer_token.h"
#include "sasl/unsecured_token.h"

namespace shunt::net {
namespace {

using sasl::FetchedToken;
using sasl::Secret;

/// As java.net.URLEncoder: a form's encoding.
std::vector<char> url_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::vector<char> result;
  result.reserve(text.size() * 3);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                          c == '-' || c == '*' || c == '_';
    if (is_plain) {
      result.push_back(c);
    } else if (c == ' ') {
      result.push_back('+');
    } else {
      for (const char part : {'%', digits[byte >> 4], digits[byte & 15]}) result.push_back(part);
    }
  }
  return result;
}

FetchedToken read_token(const std::string& path) {
  const auto fail = [&path](const char* why) {
    return FetchedToken{.text = {}, .why = fmt::format("{}: {}", path, why), .is_final = false};
  };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(std::strerror(errno));
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::vector<char> bytes(sasl::bearer_token_limit_bytes + 1);
  errno = 0;
  const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), file.get());
  const int error = std::ferror(file.get()) != 0 ? errno : 0;
  FetchedToken fetched{.text = Secret({bytes.data(), size}), .why = {}, .is_final = false};
  sasl::wipe(bytes);
  if (error != 0) return fail(std::strerror(error));
  if (size > sasl::bearer_token_limit_bytes) return fail("is too large for a token");
  return fetched;
}

}  // namespace

TokenSource token_from_file(std::string path) {
  return [path = std::move(path)](const std::atomic<bool>&) { return read_token(path); };
}

TokenSource fixed_token(Secret token) {
  return [token = std::move(token)](const std::atomic<bool>&) {
    return FetchedToken{.text = token, .why = {}, .is_final = false};
  };
}

TokenSource unsecured_token(sasl::LoginModule module) {
  return [module = std::move(module)](const std::atomic<bool>&) {
    FetchedToken fetched;
    fetched.is_final = true;
    if (auto token = sasl::make_unsecured_token(module, unix_ms(), fetched.why)) fetched.text = std::move(*token);
    return fetched;
  };
}

TokenSource token_from_endpoint(ClientCredentials credentials) {
  HttpPost post;
  post.url = std::move(credentials.endpoint);
  post.user = std::move(credentials.id);
  post.password = std::move(credentials.secret);
  post.content_type = "application/x-www-form-urlencoded";
  post.body = "grant_type=client_credentials";
  std::string scope = std::move(credentials.scope);
  if (credentials.url_encoded) {
    std::vector<char> user = url_encoded(post.user);
    post.user.assign(user.begin(), user.end());
    std::vector<char> password = url_encoded(post.password.reveal());
    post.password = Secret({password.data(), password.size()});
    sasl::wipe(password);
    const std::vector<char> encoded = url_encoded(scope);
    scope.assign(encoded.begin(), encoded.end());
  }
  if (!scope.empty()) post.body += "&scope=" + scope;
  post.tls = std::move(credentials.tls);
  post.connect_timeout = credentials.connect_timeout;
  post.whole_timeout = credentials.connect_timeout + credentials.read_timeout;
  return [post = std::move(post)](const std::atomic<bool>& stopping) {
    HttpAnswer answer = http_post(post, stopping);
    FetchedToken fetched;
    if (answer.status == 0) {
      fetched.why = std::move(answer.failure);
    } else {
      fetched = sasl::parse_token_response(answer.status, {answer.body.data(), answer.body.size()});
    }
    sasl::wipe(answer.body);
    if (!fetched.why.empty()) fetched.why = fmt::format("{}: {}", post.url.shown, fetched.why);
    return fetched;
  };
}

}  // namespace shunt::net
