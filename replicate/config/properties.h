// A Java .properties file, read as java.util.Properties reads it: comments (# and !), continued lines, `=`, `:` or
// blanks between key and value, escapes \t \n \r \f \uXXXX (surrogate pairs too), the later of two equal keys wins.
//
// What differs: Java takes the file's bytes as Latin-1. Here they are UTF-8, and Latin-1 only (with a warning) when
// they are not valid UTF-8: for a file of ASCII, which is every file Kafka documents, there is no difference.
//
// Bounds: 1 MiB a file, 10000 entries, 1 KiB a key, 256 KiB a value.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replicate/config/diagnostics.h"
#include "sasl/secret.h"

namespace shunt::replicate {

inline constexpr std::size_t kPropertiesFileLimitBytes = std::size_t{1} << 20;
inline constexpr std::size_t kPropertiesEntryLimit = 10'000;
inline constexpr std::size_t kPropertiesKeyLimitBytes = 1024;
inline constexpr std::size_t kPropertiesValueLimitBytes = std::size_t{256} << 10;

/// How a value that config providers have put together can be had again.
struct ProvidedValue {
  std::vector<std::string> files;      // that hold parts of it
  std::function<sasl::Secret()> read;  // throws std::runtime_error, whose message never holds a value
};

struct Entry {
  std::string key;
  sasl::Secret value;  // UTF-8; blanks at its end are kept, as Java keeps them
  Location where;
  bool from_provider = false;  // the value, or part of it, came from ${env:...}, ${file:...}: never to be shown
  std::shared_ptr<const ProvidedValue> provided = {};  // null: no part of it came from a file
};

/// By key. Entries point to nothing and may be copied.
using Properties = std::map<std::string, Entry, std::less<>>;

/// Reads `text`. `name` is what messages call it. Whatever is wrong is said in `diagnostics`; the entries that could be
/// read are returned all the same.
Properties parse_properties(std::string_view text, const std::string& name, Diagnostics& diagnostics);

/// Reads a file. An unreadable, oversized or special file is an error in `diagnostics`, and the result is empty.
Properties read_properties(const std::string& path, Diagnostics& diagnostics);

/// The content of a regular file of at most `limit_bytes`. Throws std::runtime_error with the reason, which names the
/// path.
sasl::Secret read_file(const std::string& path, std::size_t limit_bytes);

}  // namespace shunt::replicate
