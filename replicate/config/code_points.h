// A set of Unicode code points: what a character class of a regular expression stands for.
#pragma once

#include <string>
#include <vector>

namespace shunt::replicate {

class CodePoints {
 public:
  struct Range {
    char32_t first;
    char32_t last;  // inclusive
    bool operator==(const Range&) const = default;
  };

  CodePoints() = default;  // none
  CodePoints(std::initializer_list<Range> ranges);
  static CodePoints all();

  void add(Range range);
  void add(const CodePoints& other);
  void intersect(const CodePoints& other);
  void negate();
  /// The other case of every ASCII letter in it too.
  void fold_ascii_case();

  [[nodiscard]] bool contains(char32_t code) const;
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }  // sorted, apart from each other
  /// A character class as RE2 writes it.
  [[nodiscard]] std::string to_re2() const;

 private:
  std::vector<Range> ranges_;
};

}  // namespace shunt::replicate
