// What a configuration has to say to its author: errors (it cannot be used), warnings (it does not do what it seems to)
// and notes (a setting shunt has no use for). All of them are collected, so that a file is mended in one go, not one
// error a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shunt::replicate {

/// Where a setting was made. Line 0: not in a file (a default, the command line).
struct Location {
  std::string file;
  std::uint32_t line = 0;

  auto operator<=>(const Location&) const = default;
  [[nodiscard]] std::string to_string() const;  // "mm2.properties:12", "mm2.properties" for line 0
};

enum class Severity { error, warning, note };
const char* to_string(Severity severity);

struct Diagnostic {
  Severity severity = Severity::error;
  Location where;
  std::string message;

  bool operator==(const Diagnostic&) const = default;
  [[nodiscard]] std::string to_string() const;  // "mm2.properties:12: error: ..."
};

class Diagnostics {
 public:
  void error(Location where, std::string message);
  void warning(Location where, std::string message);
  void note(Location where, std::string message);

  /// Puts what an earlier step said before all that is here.
  void prepend(Diagnostics earlier);

  [[nodiscard]] bool has_errors() const;
  /// In the order of the file, each said once however many flows it concerns.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  void add(Severity severity, Location where, std::string message);

  std::vector<Diagnostic> all_;
};

}  // namespace shunt::replicate
