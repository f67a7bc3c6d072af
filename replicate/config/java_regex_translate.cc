// The translation of java.util.regex into RE2's syntax: one pass over the expression, which writes the translation as
// it reads. Every literal and class comes out in a form that means the same in any mode, so RE2 sees no flags at all.
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "replicate/config/code_points.h"
#include "replicate/config/java_classes.h"
#include "replicate/config/java_regex.h"
#include "replicate/config/utf8.h"

namespace shunt::replicate {
namespace {

constexpr std::size_t kExpressionLimitBytes = std::size_t{64} << 10;
constexpr std::size_t kNestingLimit = 100;
constexpr int kCountLimit = 1000;  // RE2's own

struct Flags {
  bool ignore_case = false;
  bool dot_all = false;
};

/// `\Q...\E` with every character of the quotation escaped instead, as Java does it before anything else.
std::u32string expand_quotations(std::u32string_view text) {
  std::u32string result;
  while (!text.empty()) {
    if (text.starts_with(U"\\Q")) {
      text.remove_prefix(2);
      const std::size_t end = std::min(text.find(U"\\E"), text.size());
      for (const char32_t c : text.substr(0, end)) {
        const bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
        if (!is_word) result += U'\\';
        result += c;
      }
      text.remove_prefix(std::min(end + 2, text.size()));
    } else {
      const std::size_t size = text.front() == '\\' && text.size() > 1 ? 2 : 1;
      result += text.substr(0, size);
      text.remove_prefix(size);
    }
  }
  return result;
}

class Translator {
 public:
  explicit Translator(std::string_view expression) : expression_(expression) {
    if (expression.size() > kExpressionLimitBytes) {
      throw RegexError(
          fmt::format("an expression of {} bytes; at most {} are allowed", expression.size(), kExpressionLimitBytes));
    }
    std::u32string text;
    while (!expression.empty()) {
      const auto [code, size] = decode_utf8(expression);
      if (size == 0) fail("it is not valid UTF-8");
      text.push_back(code);
      expression.remove_prefix(size);
    }
    text_ = expand_quotations(text);
  }

  std::string run() {
    while (!at_end()) {
      switch (const char32_t c = next()) {
        case '(':
          open_group();
          break;
        case ')':
          if (groups_.empty()) fail("a ) without its (");
          flags_ = groups_.back();
          groups_.pop_back();
          put_atom(")");
          break;
        case '|':
          out_ += '|';
          repeatable_ = false;
          break;
        case '^':
          put_atom("^");
          break;
        case '$':
          put_atom("$");
          break;
        case '.':
          put_atom(flags_.dot_all ? "(?s:.)" : R"([^\n\r\x{85}\x{2028}\x{2029}])");
          break;
        case '[':
          put_atom(parse_class(0).to_re2());
          break;
        case '\\':
          translate_escape();
          break;
        case '*':
        case '+':
        case '?':
        case '{':
          translate_repetition(c);
          break;
        default:
          put_literal(c);
      }
    }
    if (!groups_.empty()) fail("a ( without its )");
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(std::string_view why) const {
    throw RegexError(fmt::format("the expression \"{}\": {}", expression_, why));
  }

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : U'\0';
  }
  char32_t next() {
    if (at_end()) fail("it ends in the middle");
    return text_[at_++];
  }
  bool skip(char32_t c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// ASCII text up to `end`, which is skipped.
  std::string read_until(char32_t end) {
    std::string result;
    for (char32_t c = next(); c != end; c = next()) append_utf8(c, result);
    return result;
  }

  void put_atom(std::string_view atom) {
    out_ += atom;
    repeatable_ = true;
  }
  void put_literal(char32_t c) { put_atom(folded({{c, c}}).to_re2()); }
  [[nodiscard]] CodePoints folded(CodePoints set) const {
    if (flags_.ignore_case) set.fold_ascii_case();
    return set;
  }

  void open_group() {
    if (groups_.size() == kNestingLimit) fail("groups are nested too deeply");
    const Flags outside = flags_;
    if (skip('?')) {
      const char32_t kind = next();
      if (kind == '=' || kind == '!')
        fail("lookahead (?= (?! is not supported; use a second setting, such as topics.exclude");
      if (kind == '>') fail("atomic groups (?> are not supported; write (?: instead");
      if (kind == '<') {
        if (peek() == '=' || peek() == '!')
          fail("lookbehind (?<= (?<! is not supported; use a second setting, such as topics.exclude");
        check_group_name(read_until('>'));
      } else if (kind != ':') {
        --at_;
        if (!read_flags()) return;  // (?i) concerns the rest of the group around it
      }
    }
    groups_.push_back(outside);
    out_ += "(?:";
    repeatable_ = false;
  }

  void check_group_name(const std::string& name) const {
    bool good = !name.empty() && (name[0] < '0' || name[0] > '9');
    for (const char c : name)
      good = good &&
             (letters().contains(static_cast<unsigned char>(c)) || digits().contains(static_cast<unsigned char>(c)));
    if (!good) fail("a group's name consists of letters and digits and begins with a letter");
  }

  /// `i-s:` or `i-s)`. True: a group with a body begins.
  bool read_flags() {
    for (bool on = true;;) {
      switch (next()) {
        case 'i':
          flags_.ignore_case = on;
          break;
        case 's':
          flags_.dot_all = on;
          break;
        case 'd':
        case 'm':
        case 'u':
        case 'U':
          break;
        case 'x':
          fail("the flag x (comments) is not supported");
        case '-':
          if (!on) fail("flags (?i-s) have one minus sign at most");
          on = false;
          break;
        case ':':
          return true;
        case ')':
          repeatable_ = false;
          return false;
        default:
          fail("unknown kind of group after (?");
      }
    }
  }

  void translate_repetition(char32_t operation) {
    if (!repeatable_) {
      fail(operation == '{' ? "a { with nothing to repeat before it; write \\{ for the character"
                            : "a * + or ? with nothing to repeat before it; note that names, not wildcards, are meant: "
                              "write .* for anything");
    }
    if (operation == '{') {
      const int least = read_count();
      int most = least;
      const bool has_comma = skip(',');
      const bool open_ended = has_comma && peek() == '}';
      if (has_comma && !open_ended) most = read_count();
      if (!skip('}')) fail("a repetition is written {n}, {n,} or {n,m}; a comma also separates the items of a list");
      if (most < least) fail("a repetition {n,m} whose n is above m");
      out_ += open_ended ? fmt::format("{{{},}}", least) : fmt::format("{{{},{}}}", least, most);
    } else {
      out_ += static_cast<char>(operation);
    }
    if (skip('+')) fail("possessive repetition (*+ ++ ?+ }+) is not supported; leave the second + out");
    if (skip('?')) out_ += '?';
    repeatable_ = false;
  }

  int read_count() {
    int count = 0;
    if (!digits().contains(peek())) fail("a repetition is written {n}, {n,} or {n,m}; write \\{ for the character");
    while (digits().contains(peek())) {
      count = count * 10 + static_cast<int>(next() - '0');
      if (count > kCountLimit) fail(fmt::format("a repetition of more than {}", kCountLimit));
    }
    return count;
  }

  /// Outside of a class.
  void translate_escape() {
    switch (peek()) {
      case 'b':
      case 'B':
      case 'A':
      case 'z':
        put_atom(std::string("\\") + static_cast<char>(next()));
        return;
      case 'Z':
        next();
        put_atom("\\z");
        return;
      case 'k':
        fail("back references are not supported");
      default:
        break;
    }
    if (peek() >= '1' && peek() <= '9') fail("back references are not supported");
    put_atom(parse_escape().to_re2());
  }

  /// What an escape stands for, be it one character or a class. The backslash has been read.
  CodePoints parse_escape() {
    const char32_t c = next();
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (auto set = predefined_class(is_upper ? c + 0x20 : c)) {
      if (is_upper) set->negate();
      return *set;
    }
    if (c == 'p' || c == 'P') {
      std::string name;
      if (skip('{')) {
        name = read_until('}');
      } else {
        append_utf8(next(), name);
      }
      const auto posix = posix_class(name);
      if (!posix) {
        fail(fmt::format("the property \\{}{{{}}} is not supported; write the characters as a class, such as [A-Za-z]",
                         static_cast<char>(c), name));
      }
      CodePoints set = folded(*posix);
      if (c == 'P') set.negate();
      return set;
    }
    const char32_t literal = escaped_character(c);
    return folded({{literal, literal}});
  }

  char32_t escaped_character(char32_t c) {
    switch (c) {
      case 't':
        return '\t';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 'f':
        return '\f';
      case 'a':
        return 0x07;
      case 'e':
        return 0x1B;
      case 'c':
        return next() ^ 64U;
      case '0':
        return read_octal();
      case 'x':
        return skip('{') ? read_hex_until_brace() : read_hex(2);
      case 'u':
        return read_utf16();
      default:
        break;
    }
    if (letters().contains(c) || digits().contains(c))
      fail(fmt::format("the escape \\{} is not supported", static_cast<char>(c)));
    return c;
  }

  /// \0n, \0nn, \0mnn with m up to 3.
  char32_t read_octal() {
    const auto is_octal = [this](std::size_t ahead) { return peek(ahead) >= '0' && peek(ahead) <= '7'; };
    if (!is_octal(0)) fail("\\0 is not followed by an octal digit");
    const std::size_t count = !is_octal(1) ? 1 : is_octal(2) && peek() <= '3' ? 3 : 2;
    char32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 8 + (next() - '0');
    return value;
  }

  char32_t hex_digit() {
    const char32_t c = next();
    if (c >= '0' && c <= '9') return c - '0';
    const char32_t lower = c | 0x20U;
    if (lower < 'a' || lower > 'f' || c < 'A') fail("\\x or \\u is not followed by hexadecimal digits");
    return lower - 'a' + 10;
  }

  char32_t read_hex(int count) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i) value = value * 16 + hex_digit();
    return value;
  }

  char32_t read_hex_until_brace() {
    char32_t value = hex_digit();
    while (!skip('}')) {
      value = value * 16 + hex_digit();
      if (value >= kCodePointEnd) fail("\\x{...} is beyond Unicode's last character");
    }
    return value;
  }

  char32_t read_utf16() {
    const char32_t unit = read_hex(4);
    if (unit < 0xD800 || unit >= 0xE000) return unit;
    if (unit < 0xDC00 && skip('\\') && skip('u')) {
      const char32_t low = read_hex(4);
      if (low >= 0xDC00 && low < 0xE000) return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    fail("\\u with half a surrogate pair");
  }

  /// The class whose [ has been read. Unions bind closer than &&; a leading ^ is about the whole.
  CodePoints parse_class(std::size_t depth) {
    if (depth == kNestingLimit) fail("classes are nested too deeply");
    const bool negated = skip('^');
    CodePoints whole = CodePoints::all();  // the operands of && so far
    CodePoints operand;                    // the items of the operand being read
    bool operand_has_items = false;        // an operand without any does not count: [&&a] is [a]
    bool any_items = false;                // before them a ] stands for itself
    const auto finish_operand = [&] {
      if (operand_has_items) whole.intersect(operand);
      operand = CodePoints();
      operand_has_items = false;
    };
    for (;;) {
      const char32_t c = next();
      if (c == ']' && any_items) break;
      if (c == '&' && peek() == '&') {
        next();
        if (peek() == '&') fail("&&& in a class");
        finish_operand();
      } else {
        operand.add(c == '[' ? parse_class(depth + 1) : parse_class_item(c));
        operand_has_items = any_items = true;
      }
    }
    finish_operand();
    if (negated) whole.negate();
    return whole;
  }

  /// One character, a range, or an escape that is a class, beginning with `c`.
  CodePoints parse_class_item(char32_t c) {
    char32_t first = c;
    if (c == '\\') {
      const char32_t kind = peek();
      if (kind == 'p' || kind == 'P' || predefined_class(kind | 0x20U)) return parse_escape();
      first = escaped_character(next());
    }
    char32_t last = first;
    if (peek() == '-' && at_ + 1 < text_.size() && peek(1) != ']' && peek(1) != '[') {
      next();
      last = next();
      if (last == '\\') {
        if (const char32_t kind = peek(); kind == 'p' || kind == 'P' || predefined_class(kind | 0x20U)) {
          fail("a range in a class that ends with a class");
        }
        last = escaped_character(next());
      }
      if (last < first) fail("a range in a class whose end is before its beginning");
    }
    return folded({{first, last}});
  }

  std::string expression_;
  std::u32string text_;
  std::size_t at_ = 0;
  std::string out_;
  Flags flags_;
  std::vector<Flags> groups_;  // the flags outside of each open group
  bool repeatable_ = false;    // * + ? { may follow
};

}  // namespace

std::string translate_java_regex(std::string_view expression) {
  return Translator(expression).run();
}

}  // namespace shunt::replicate
