#include "replicate/config/properties.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replicate/config/utf8.h"

namespace shunt::replicate {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

/// One logical line: continuations joined, escapes still in it, leading blanks gone.
struct LogicalLine {
  std::vector<char> text;
  std::uint32_t number = 0;  // of its first natural line
};

class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  ~Lines() { sasl::wipe(line_.text); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  /// The next line that says something. False at the end.
  bool next() {
    do {
      sasl::wipe(line_.text);
      std::string_view natural;
      do {
        if (!next_natural(natural)) return false;
      } while (natural.empty() || natural.front() == '#' || natural.front() == '!');
      line_.number = number_;
      line_.text.reserve(logical_size_bound(natural));
      read_logical(natural);
    } while (line_.text.empty());
    return true;
  }

  [[nodiscard]] const LogicalLine& line() const { return line_; }

 private:
  void read_logical(std::string_view natural) {
    while (ends_in_escape(natural)) {
      natural.remove_suffix(1);
      append(natural);
      // What follows is part of this line even if it looks like a comment, unless there is nothing of a line yet; a
      // blank line ends it.
      if (line_.text.empty() || !next_natural(natural)) return;
    }
    append(natural);
  }

  bool next_natural(std::string_view& natural) {
    if (at_ == text_.size()) return false;
    ++number_;
    const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    natural = text_.substr(at_, end - at_);
    at_ = end;
    if (at_ < text_.size()) at_ += text_.substr(at_, 2) == "\r\n" ? 2U : 1U;
    while (!natural.empty() && is_blank(natural.front())) natural.remove_prefix(1);
    return true;
  }

  static bool ends_in_escape(std::string_view natural) {
    const std::size_t last_other = natural.find_last_not_of('\\');
    const std::size_t backslashes = natural.size() - (last_other == std::string_view::npos ? 0 : last_other + 1);
    return backslashes % 2 == 1;
  }

  // So that a growing buffer never leaves pieces of a password in freed memory.
  [[nodiscard]] std::size_t logical_size_bound(std::string_view first) const {
    std::size_t size = first.size();
    std::size_t at = at_;
    for (bool continued = ends_in_escape(first); continued && at < text_.size();) {
      const std::size_t end = std::min(text_.find_first_of("\r\n", at), text_.size());
      continued = ends_in_escape(text_.substr(at, end - at));
      size += end - at;
      at = std::min(end + 1, text_.size());
      if (at < text_.size() && text_[at - 1] == '\r' && text_[at] == '\n') ++at;
    }
    return size;
  }

  void append(std::string_view piece) { line_.text.insert(line_.text.end(), piece.begin(), piece.end()); }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t number_ = 0;
  LogicalLine line_;
};

/// The four hexadecimal digits after `\u`.
std::optional<char32_t> parse_unit(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  char32_t unit = 0;
  for (const char c : digits.substr(0, 4)) {
    const std::size_t value = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (value == std::string_view::npos || (c < '0')) return std::nullopt;
    unit = unit * 16 + static_cast<char32_t>(value);
  }
  return unit;
}

bool is_high_surrogate(char32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(char32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

/// Resolves the escapes of a key or a value, which never makes it longer. The result is the reason of a failure.
std::optional<std::string> unescape(std::string_view raw, std::vector<char>& out) {
  out.clear();
  out.reserve(raw.size());
  while (!raw.empty()) {
    const char c = raw.front();
    raw.remove_prefix(1);
    if (c != '\\' || raw.empty()) {
      if (c != '\\') out.push_back(c);  // a backslash at the very end of the file stands for nothing
      continue;
    }
    const char escaped = raw.front();
    raw.remove_prefix(1);
    switch (escaped) {
      case 't':
        out.push_back('\t');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'u': {
        std::optional<char32_t> code = parse_unit(raw);
        if (!code) return "\\u is not followed by four hexadecimal digits; write \\\\ for a backslash";
        raw.remove_prefix(4);
        if (is_high_surrogate(*code)) {
          const auto low = raw.starts_with("\\u") ? parse_unit(raw.substr(2)) : std::nullopt;
          if (!low || !is_low_surrogate(*low)) {
            return "a high surrogate \\uD800..\\uDBFF is not followed by its low one";
          }
          raw.remove_prefix(6);
          code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        } else if (is_low_surrogate(*code)) {
          return "a low surrogate \\uDC00..\\uDFFF is not preceded by its high one";
        } else if (*code == 0) {
          return "\\u0000 cannot be part of a setting";
        }
        append_utf8(*code, out);
        break;
      }
      default:
        out.push_back(escaped);
    }
  }
  return std::nullopt;
}

struct KeyAndValue {
  std::string_view key;
  std::string_view value;
};

/// Splits at the first `=`, `:` or blank that is not escaped.
KeyAndValue split(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && line[end] != '=' && line[end] != ':' && !is_blank(line[end])) {
    end += line[end] == '\\' && end + 1 < line.size() ? 2U : 1U;
  }
  std::string_view rest = line.substr(end);
  const auto skip_blanks = [&rest] {
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  };
  skip_blanks();
  if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) rest.remove_prefix(1);
  skip_blanks();
  return {line.substr(0, end), rest};
}

std::uint32_t line_of(std::string_view text, std::size_t position) {
  std::uint32_t line = 1;
  for (std::size_t i = 0; i < position; ++i) {
    if (is_line_end(text[i]) && text.substr(i, 2) != "\r\n") ++line;
  }
  return line;
}

void parse_lines(std::string_view text, const std::string& name, Diagnostics& diagnostics, Properties& result) {
  std::vector<char> key_text;
  std::vector<char> value_text;
  for (Lines lines(text); lines.next();) {
    const LogicalLine& line = lines.line();
    const Location where{name, line.number};
    const auto [raw_key, raw_value] = split({line.text.data(), line.text.size()});
    if (raw_key.size() > kPropertiesKeyLimitBytes || raw_value.size() > kPropertiesValueLimitBytes) {
      diagnostics.error(where, fmt::format("a {} of {} bytes; at most {} are allowed",
                                           raw_key.size() > kPropertiesKeyLimitBytes ? "key" : "value",
                                           std::max(raw_key.size(), raw_value.size()),
                                           raw_key.size() > kPropertiesKeyLimitBytes ? kPropertiesKeyLimitBytes
                                                                                     : kPropertiesValueLimitBytes));
      continue;
    }
    std::optional<std::string> failure = unescape(raw_key, key_text);
    if (!failure) failure = unescape(raw_value, value_text);
    if (failure) {
      diagnostics.error(where, *failure);
      continue;
    }
    if (key_text.empty()) {
      diagnostics.warning(where, "a value without a key before it: ignored");
      continue;
    }
    Entry entry{std::string(key_text.begin(), key_text.end()), sasl::Secret({value_text.data(), value_text.size()}),
                where};
    sasl::wipe(value_text);
    if (const auto earlier = result.find(entry.key); earlier != result.end()) {
      diagnostics.warning(where, fmt::format("{} was set before, on line {}; this later value is used", entry.key,
                                             earlier->second.where.line));
    } else if (result.size() == kPropertiesEntryLimit) {
      diagnostics.error(where, fmt::format("more than {} settings", kPropertiesEntryLimit));
      return;
    }
    std::string key = entry.key;
    result.insert_or_assign(std::move(key), std::move(entry));
  }
}

}  // namespace

Properties parse_properties(std::string_view text, const std::string& name, Diagnostics& diagnostics) {
  Properties result;
  if (text.size() > kPropertiesFileLimitBytes) {
    diagnostics.error({name},
                      fmt::format("{} bytes; a configuration has at most {}", text.size(), kPropertiesFileLimitBytes));
    return result;
  }
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    diagnostics.error({name, line_of(text, zero)}, "a zero byte: this is not a text file");
    return result;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark, as some editors leave it
  if (const std::size_t invalid = find_invalid_utf8(text); invalid != text.size()) {
    diagnostics.warning({name, line_of(text, invalid)}, "not valid UTF-8: the file is read as Latin-1, as Java does");
    const sasl::Secret converted = utf8_from_latin1(text);
    parse_lines(converted.reveal(), name, diagnostics, result);
  } else {
    parse_lines(text, name, diagnostics, result);
  }
  return result;
}

Properties read_properties(const std::string& path, Diagnostics& diagnostics) {
  try {
    const sasl::Secret content = read_file(path, kPropertiesFileLimitBytes);
    return parse_properties(content.reveal(), path, diagnostics);
  } catch (const std::runtime_error& failure) {
    diagnostics.error({}, failure.what());
    return {};
  }
}

sasl::Secret read_file(const std::string& path, std::size_t limit_bytes) {
  const auto fail = [&path](const std::string& why) {
    throw std::runtime_error(fmt::format("cannot read {}: {}", path, why));
  };
  // Not blocking: opening a named pipe nobody writes to would wait for ever.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (fd < 0) fail(std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file");
  std::vector<char> content(limit_bytes + 1);
  std::size_t size = 0;
  int error = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(fd, content.data() + size, content.size() - size);
    if (count == 0) break;
    if (count > 0) size += static_cast<std::size_t>(count);
    if (count < 0 && errno != EINTR) {
      error = errno;
      break;
    }
  }
  sasl::Secret result(std::string_view(content.data(), size));
  sasl::wipe(content);
  if (error != 0) fail(std::strerror(error));
  if (size > limit_bytes) fail(fmt::format("it is larger than {} bytes", limit_bytes));
  return result;
}

}  // namespace shunt::replicate
