// Regular expressions as java.util.regex writes them, run by RE2: the same names match, and in time linear in the name
// whatever the expression, which Java cannot promise.
//
// The expression is translated, not passed on, because the two dialects differ in places that change the meaning
// silently: nested classes and intersections [a-z&&[^b]], \h \v \0 \c \Q..\E in classes, flags, `{` and `]` out of
// place. Whole names are matched (Java's Matcher.matches), so groups need not capture and lazy repetition means the
// same as greedy.
//
// Refused, because no linear-time matcher has them: lookahead, lookbehind, back references, possessive repetition,
// atomic groups. Refused too: \R \X \G \N, Unicode properties (\p{L}, \p{IsGreek}; the ASCII ones like \p{Alpha} are
// there), the flag x, counts above 1000. Flags d, m, u and U change nothing here: names have no line ends, and only
// ASCII letters have cases.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace shunt::replicate {

/// what() names the expression, what is wrong with it, and what to write instead.
class RegexError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class JavaRegex {
 public:
  /// Throws RegexError.
  explicit JavaRegex(std::string_view expression);

  [[nodiscard]] bool full_match(std::string_view text) const;
  /// The translation, in RE2's own syntax.
  [[nodiscard]] const std::string& re2() const;

 private:
  std::shared_ptr<const re2::RE2> compiled_;
};

/// The translation alone. Throws RegexError.
std::string translate_java_regex(std::string_view expression);

}  // namespace shunt::replicate
