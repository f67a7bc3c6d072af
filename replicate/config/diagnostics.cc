#include "replicate/config/diagnostics.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace shunt::replicate {

std::string Location::to_string() const {
  return line == 0 ? file : fmt::format("{}:{}", file, line);
}

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "?";
}

std::string Diagnostic::to_string() const {
  const std::string place = where.to_string();
  return fmt::format("{}{}{}: {}", place, place.empty() ? "" : ": ", replicate::to_string(severity), message);
}

void Diagnostics::error(Location where, std::string message) {
  add(Severity::error, std::move(where), std::move(message));
}

void Diagnostics::warning(Location where, std::string message) {
  add(Severity::warning, std::move(where), std::move(message));
}

void Diagnostics::note(Location where, std::string message) {
  add(Severity::note, std::move(where), std::move(message));
}

void Diagnostics::add(Severity severity, Location where, std::string message) {
  all_.push_back({severity, std::move(where), std::move(message)});
}

void Diagnostics::prepend(Diagnostics earlier) {
  all_.insert(all_.begin(), std::make_move_iterator(earlier.all_.begin()), std::make_move_iterator(earlier.all_.end()));
}

bool Diagnostics::has_errors() const {
  return std::ranges::any_of(all_, [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> result;
  std::set<std::tuple<Severity, Location, std::string_view>> seen;
  for (const Diagnostic& diagnostic : all_) {
    if (seen.emplace(diagnostic.severity, diagnostic.where, diagnostic.message).second) result.push_back(diagnostic);
  }
  std::ranges::stable_sort(result, {}, [](const Diagnostic& d) { return std::tie(d.where.file, d.where.line); });
  return result;
}

}  // namespace shunt::replicate
