#include "replicate/config/java_regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace shunt::replicate {

JavaRegex::JavaRegex(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  const std::string translated = translate_java_regex(expression);
  auto compiled = std::make_shared<const re2::RE2>(translated, options);
  if (!compiled->ok()) throw RegexError(fmt::format("the expression \"{}\": {}", expression, compiled->error()));
  compiled_ = std::move(compiled);
}

bool JavaRegex::full_match(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

const std::string& JavaRegex::re2() const {
  return compiled_->pattern();
}

}  // namespace shunt::replicate
