#include "sasl/jaas.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace shunt::sasl {
namespace {

constexpr std::size_t text_limit_bytes = std::size_t{64} * 1024;

constexpr std::pair<std::string_view, LoginModule::Kind> known_modules[] = {
    {"org.apache.kafka.common.security.plain.PlainLoginModule", LoginModule::Kind::plain},
    {"org.apache.kafka.common.security.scram.ScramLoginModule", LoginModule::Kind::scram},
    {"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule", LoginModule::Kind::oauth_bearer},
    {"com.sun.security.auth.module.Krb5LoginModule", LoginModule::Kind::kerberos},
};

constexpr std::array control_flags{"required", "requisite", "sufficient", "optional"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

bool is_word_part(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-';
}

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

struct Token {
  enum class Kind { word, quoted, symbol, end };
  Kind kind = Kind::end;
  char symbol = 0;
  Secret text;  // of a word or a quoted string

  [[nodiscard]] bool is(char c) const { return kind == Kind::symbol && symbol == c; }
  [[nodiscard]] bool is_text() const { return kind == Kind::word || kind == Kind::quoted; }
};

class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(text) {}
  ~Tokens() { wipe(buffer_); }
  Tokens(const Tokens&) = delete;
  Tokens& operator=(const Tokens&) = delete;

  /// After a fault: the end, and why() says what it was.
  Token next() {
    skip_blanks();
    Token token;
    if (rest_.empty() || !why_.empty()) return token;
    const char first = rest_.front();
    buffer_.reserve(rest_.size());  // no second copy is left behind by its growing
    if (first == '"' || first == '\'') {
      read_quoted(first);
      token.kind = Token::Kind::quoted;
    } else if (is_word_part(first)) {
      const auto end = std::ranges::find_if_not(rest_, is_word_part);
      buffer_.assign(rest_.begin(), end);
      rest_.remove_prefix(buffer_.size());
      token.kind = Token::Kind::word;
    } else {
      token.kind = Token::Kind::symbol;
      token.symbol = first;
      rest_.remove_prefix(1);
    }
    if (!why_.empty()) return {};
    token.text = Secret({buffer_.data(), buffer_.size()});
    wipe(buffer_);
    return token;
  }

  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  void skip_blanks() {
    while (!rest_.empty()) {
      if (static_cast<unsigned char>(rest_.front()) <= ' ') {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("//")) {
        rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        const std::size_t end = rest_.find("*/", 2);
        if (end == std::string_view::npos) {
          why_ = "a comment /* is not closed";
          return;
        }
        rest_.remove_prefix(end + 2);
      } else if (rest_.front() == '/') {
        why_ = "a / stands outside of quotes: put the whole value in \"...\"";
        return;
      } else {
        return;
      }
    }
  }

  void read_quoted(char quote) {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return;
      if (c == '\n' || c == '\r') break;
      buffer_.push_back(c == '\\' ? read_escape() : c);
    }
    why_ = "a quoted value is not closed on its line";
  }

  char read_escape() {
    if (rest_.empty()) return '\\';
    char c = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view letters = "abfnrtv";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v";
    if (const std::size_t index = letters.find(c); index != std::string_view::npos) return meanings[index];
    if (!is_octal(c)) return c;
    const std::size_t most_digits = c <= '3' ? 3 : 2;  // up to \377
    unsigned value = static_cast<unsigned>(c - '0');
    for (std::size_t digits = 1; digits < most_digits && !rest_.empty() && is_octal(rest_.front()); ++digits) {
      value = value * 8 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    c = static_cast<char>(value);
    return c;
  }

  std::string_view rest_;
  std::vector<char> buffer_;
  std::string why_;
};

/// The name for a message if it is surely a class and no slipped password.
std::string shown_class(std::string_view name) {
  const bool is_class =
      name.ends_with("LoginModule") && name.find('.') != std::string_view::npos &&
      std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80 && is_word_part(c); });
  return is_class && name.size() <= 200 ? std::string(name) : "its login module";
}

}  // namespace

const char* to_string(LoginModule::Kind kind) {
  switch (kind) {
    case LoginModule::Kind::plain:
      return "PlainLoginModule";
    case LoginModule::Kind::scram:
      return "ScramLoginModule";
    case LoginModule::Kind::oauth_bearer:
      return "OAuthBearerLoginModule";
    case LoginModule::Kind::kerberos:
      return "Krb5LoginModule";
  }
  return "?";
}

std::optional<LoginModule> parse_jaas(std::string_view text, std::string& why) {
  why.clear();
  const auto fail = [&why](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  if (text.size() > text_limit_bytes) return fail(fmt::format("is longer than {} bytes", text_limit_bytes));
  Tokens tokens(text);
  const auto fail_at = [&](const char* expected) { return fail(tokens.why().empty() ? expected : tokens.why()); };

  const Token name = tokens.next();
  if (!name.is_text()) return fail_at("does not begin with the name of a login module");
  const auto known =
      std::ranges::find(known_modules, name.text.reveal(), [](const auto& module) { return module.first; });
  if (known == std::end(known_modules)) {
    return fail(fmt::format("{} is not supported: shunt loads no Java classes; it knows {}, {}, {} and {}",
                            shown_class(name.text.reveal()), known_modules[0].first, known_modules[1].first,
                            known_modules[2].first, known_modules[3].first));
  }
  LoginModule module{.kind = known->second, .options = {}};

  const Token flag = tokens.next();
  if (!flag.is_text() || std::ranges::none_of(control_flags, [&flag](std::string_view one) {
        return equal_ignoring_case(flag.text.reveal(), one);
      })) {
    return fail_at("the login module must be followed by `required`");
  }

  Token token = tokens.next();
  for (int number = 1; token.is_text(); ++number, token = tokens.next()) {
    const Token sign = tokens.next();
    const Token value = tokens.next();
    const bool is_number = value.kind == Token::Kind::word && !is_letter(value.text.reveal().front());
    if (!sign.is('=') || !value.is_text() || is_number) {
      if (!tokens.why().empty()) return fail(tokens.why());
      return fail(fmt::format("option {} is not written name=\"value\", value in quotes", number));
    }
    module.options.insert_or_assign(std::string(token.text.reveal()), value.text);
  }
  if (!token.is(';')) return fail_at("the entry does not end with ;");
  if (tokens.next().kind != Token::Kind::end || !tokens.why().empty()) {
    return fail_at("something follows the ; of the first entry: Kafka takes one login module");
  }
  return module;
}

}  // namespace shunt::sasl
