// Every key a MirrorMaker 2 file may hold, and what shunt does with it. The one source for defaults, for warnings about
// keys that do nothing, for "did you mean", and for the table in the documentation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::replicate {

/// Where a key may stand. A set of bits.
enum class Level : std::uint8_t {
  global = 1,     // topics = ...
  cluster = 2,    // A.bootstrap.servers, and A->B.source.cluster.bootstrap.servers
  flow = 4,       // A->B.topics
  consumer = 8,   // A.consumer.*, A->B.consumer.*, A->B.source.consumer.*
  producer = 16,  // B.producer.*, A->B.producer.*, A->B.target.producer.*, A->B.producer.override.*
  admin = 32,     // A.admin.*, A->B.admin.*, A->B.source.admin.*, A->B.target.admin.*
};

class Levels {
 public:
  constexpr Levels() = default;
  constexpr Levels(Level level) : bits_(static_cast<std::uint8_t>(level)) {}  // NOLINT(google-explicit-constructor)
  constexpr friend Levels operator|(Levels a, Levels b) { return Levels(a.bits_ | b.bits_); }
  [[nodiscard]] constexpr bool has(Level level) const { return (bits_ & static_cast<unsigned>(level)) != 0; }
  [[nodiscard]] std::string to_string() const;  // "global, flow"

 private:
  constexpr explicit Levels(unsigned bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  std::uint8_t bits_ = 0;
};
constexpr Levels operator|(Level a, Level b) {
  return Levels(a) | Levels(b);
}

enum class ValueType : std::uint8_t { boolean, integer, real, string, list, class_name, password, size, address };
const char* to_string(ValueType type);

enum class Handling : std::uint8_t {
  in_force,
  no_effect,      // accepted; what it steers does not exist here or is settled; `reason` says why
  not_supported,  // accepted with a warning: something asked for will not happen; `reason` says what to do
  refused,        // not supported, and the target would hold other data than asked for: an error
  renamed,        // an old name; `reason` is the key that is set by it
};
const char* to_string(Handling handling);

struct Key {
  std::string_view name;  // "transforms.*": every key that begins so
  ValueType type;
  std::string_view default_value;  // as text; empty: none, or shunt chooses
  Levels levels;
  Handling handling;
  std::string_view reason;
  std::string_view harmless;  // not_supported, refused: the value that asks for nothing special
  std::string_view help;      // one line
  bool connector = false;     // MirrorMaker's connectors define it: at global level it reaches every flow
};

/// In the order of the documentation. Lives for ever, as do the names in it.
const std::vector<Key>& key_table();

/// The key of that bare name (no alias, no `consumer.`) at that level; null: there is none. An exact name wins over
/// a family.
const Key* find_key(std::string_view name, Level level);
/// At any level.
const Key* find_key(std::string_view name);

/// Values of such keys are never shown: passwords, private keys, JAAS lines, and unknown keys that sound like them.
bool is_sensitive(std::string_view name);

/// The key that was probably meant, among those that may stand at `level`: known slips of the pen first, then the
/// smallest edit distance. Empty: nothing is near.
std::string_view nearest_key(std::string_view name, Level level);

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

enum class TableFormat { text, markdown };
/// The whole table for people.
std::string render_key_table(TableFormat format);

}  // namespace shunt::replicate
