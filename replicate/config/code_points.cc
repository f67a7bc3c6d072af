#include "replicate/config/code_points.h"

#include <algorithm>

#include <fmt/format.h>

#include "replicate/config/utf8.h"

namespace shunt::replicate {

CodePoints::CodePoints(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range);
}

CodePoints CodePoints::all() {
  return {{0, kCodePointEnd - 1}};
}

void CodePoints::add(Range range) {
  // All ranges that overlap or touch the new one melt into it.
  const auto begin = std::ranges::find_if(ranges_, [&range](const Range& r) { return r.last + 1 >= range.first; });
  const auto end = std::find_if(begin, ranges_.end(), [&range](const Range& r) { return r.first > range.last + 1; });
  if (begin != end) {
    range.first = std::min(range.first, begin->first);
    range.last = std::max(range.last, std::prev(end)->last);
  }
  ranges_.insert(ranges_.erase(begin, end), range);
}

void CodePoints::add(const CodePoints& other) {
  const std::vector<Range> added = other.ranges_;  // a copy: `other` may be this set
  for (const Range& range : added) add(range);
}

void CodePoints::negate() {
  std::vector<Range> gaps;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next < kCodePointEnd) gaps.push_back({next, kCodePointEnd - 1});
  ranges_ = std::move(gaps);
}

void CodePoints::intersect(const CodePoints& other) {
  CodePoints outside = other;
  outside.negate();
  negate();
  add(outside);
  negate();
}

void CodePoints::fold_ascii_case() {
  for (char32_t lower = 'a'; lower <= 'z'; ++lower) {
    const char32_t upper = lower - 0x20;
    if (contains(lower) != contains(upper)) add(Range{upper, upper}), add(Range{lower, lower});
  }
}

bool CodePoints::contains(char32_t code) const {
  return std::ranges::any_of(ranges_, [code](const Range& r) { return r.first <= code && code <= r.last; });
}

std::string CodePoints::to_re2() const {
  if (ranges_.empty()) return R"([^\x{0}-\x{10FFFF}])";
  std::string result = "[";
  for (const Range& range : ranges_) {
    fmt::format_to(std::back_inserter(result), "\\x{{{:X}}}", static_cast<std::uint32_t>(range.first));
    if (range.last != range.first) {
      fmt::format_to(std::back_inserter(result), "-\\x{{{:X}}}", static_cast<std::uint32_t>(range.last));
    }
  }
  return result + "]";
}

}  // namespace shunt::replicate
