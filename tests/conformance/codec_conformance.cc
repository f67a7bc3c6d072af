// The C++ half of the conformance test; the Java half (tests/conformance/java) has Kafka's own definitions and classes.
//
//   codec_conformance describe               the field lists and the error table, as text, one line a fact
//   codec_conformance write SEED ROUNDS      random messages, one line each
//   codec_conformance check FILE             reads Kafka's messages: decodes each and encodes it to the same bytes
//
// A line of `write` and `check`: "<message> <version> <hex>". Requests written here are whole frames after their size,
// those read here are bodies; with responses it is the other way round, so that both directions of the headers are
// compared.
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "protocol/dump.h"
#include "protocol/error.h"
#include "protocol/ids.h"
#include "protocol/messages/all.h"
#include "protocol/request.h"
#include "tests/support/random_message.h"

namespace shunt::protocol {
namespace {

constexpr std::int32_t correlation_id = 0x01020304;
constexpr std::string_view client_id = "conformance";

template <class M>
constexpr bool is_request = requires { typename M::Response; };

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes)
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
  return text.empty() ? "-" : text;
}

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  if (text == "-") return bytes;
  if (text.size() % 2 != 0) throw std::invalid_argument("an odd number of hex digits");
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// ---- describe -------------------------------------------------------------------------------------------------------

template <class T>
std::string type_name() {
  if constexpr (is_optional<T>) {
    return type_name<typename T::value_type>();
  } else if constexpr (is_array<T>) {
    return "[]" + type_name<typename T::value_type>();
  } else if constexpr (std::same_as<T, BrokerId>) {
    return "int32:brokerId";
  } else if constexpr (std::same_as<T, ProducerId>) {
    return "int64:producerId";
  } else if constexpr (std::same_as<T, bool>) {
    return "bool";
  } else if constexpr (WireInteger<T>) {
    return fmt::format("int{}", sizeof(T) * 8);
  } else if constexpr (StrongId<T>) {
    return type_name<decltype(T().value())>();
  } else if constexpr (std::same_as<T, Uuid>) {
    return "uuid";
  } else if constexpr (std::same_as<T, std::string>) {
    return "string";
  } else if constexpr (std::same_as<T, Bytes>) {
    return "bytes";
  } else if constexpr (std::same_as<T, Records>) {
    return "records";
  } else {
    return "struct";
  }
}

template <class T>
std::string default_text(const T& value) {
  if constexpr (is_optional<T>) {
    return value ? default_text(*value) : "null";
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (WireInteger<T>) {
    return std::to_string(value);
  } else if constexpr (StrongId<T>) {
    return std::to_string(value.value());
  } else if constexpr (std::same_as<T, Uuid>) {
    return value.is_zero() ? "zero" : value.to_string();
  } else if constexpr (is_sized<T>) {
    return value.size() == 0 ? "empty" : "not empty";
  } else {
    return "struct";
  }
}

/// "3-7", or "never".
template <class In>
std::string range(Versions within, In in) {
  Versions found{.min = 1, .max = 0};
  for (std::int16_t version = within.min; version <= within.max; ++version) {
    if (!in(version)) continue;
    if (found.min > found.max) found.min = version;
    found.max = version;
  }
  return found.min > found.max ? "never" : fmt::format("{}-{}", found.min, found.max);
}

template <class T>
void describe_element(const std::string& message, const std::string& path, Versions within);

template <class M>
void describe_fields(const M& m, const std::string& message, const std::string& path, Versions within) {
  const auto describe = [&](std::string_view name, const auto& value, const auto& presence, int tag,
                            const auto& null_in) {
    using T = std::remove_cvref_t<decltype(value)>;
    const std::string exists = range(within, [&](auto version) { return presence.in(version); });
    const bool always = exists == fmt::format("{}-{}", within.min, within.max);
    Versions inside{.min = within.max, .max = within.min};
    for (std::int16_t version = within.min; version <= within.max; ++version) {
      if (!presence.in(version)) continue;
      inside.min = std::min(inside.min, version);
      inside.max = std::max(inside.max, version);
    }
    fmt::print("field {} {}{} type={} versions={} nullable={} tag={} default={} ignorable={}\n", message, path, name,
               type_name<T>(), exists, range(inside, null_in), tag < 0 ? "none" : std::to_string(tag),
               default_text(value), always ? "any" : (presence.is_ignorable() ? "true" : "false"));
    describe_element<T>(message, fmt::format("{}{}.", path, name), inside);
  };
  M::fields(FieldVisitor{[&](std::string_view name, const auto& value, Presence presence = {}) {
                           constexpr bool can = is_optional<std::remove_cvref_t<decltype(value)>>;
                           describe(name, value, presence, -1,
                                    [&](auto version) { return can && presence.null_allowed(version); });
                         },
                         [&](std::string_view name, const auto& value, Tagged presence) {
                           describe(name, value, presence, presence.tag(),
                                    [&](auto) { return presence.null_allowed(); });
                         }},
            m);
}

template <class T>
void describe_element(const std::string& message, const std::string& path, Versions within) {
  if constexpr (is_optional<T> || is_array<T>) {
    describe_element<typename T::value_type>(message, path, within);
  } else if constexpr (WithFields<T>) {
    describe_fields(T{}, message, path, within);
  }
}

int describe() {
  for_each_message([]<class M>() {
    const Api& api = M::api;
    fmt::print("versions {} {}-{}\n", message_name<M>(), api.versions.min, api.versions.max);
    for (std::int16_t version = api.versions.min; version <= api.versions.max; ++version) {
      fmt::print("api {} key={} version={} flexible={} request_header={} response_header={}\n", message_name<M>(),
                 api.key, version, api.is_flexible(version), api.request_header(version), api.response_header(version));
    }
    describe_fields(M{}, message_name<M>(), "", api.versions);
  });
  for (const ErrorInfo& error : error_table()) {
    fmt::print("error {} {} retriable={} refresh={}\n", error.code, error.name, error.retriable,
               error.refresh == Refresh::metadata      ? "metadata"
               : error.refresh == Refresh::coordinator ? "coordinator"
                                                       : "nothing");
  }
  return 0;
}

// ---- write and check ------------------------------------------------------------------------------------------------

int write(std::uint64_t seed, int rounds) {
  tests::RandomMessage random(seed);
  for_each_message([&]<class M>() {
    for (std::int16_t version = M::api.versions.min; version <= M::api.versions.max; ++version) {
      for (int round = 0; round < rounds; ++round) {
        const M message = random.make<M>(version);
        if constexpr (is_request<M>) {
          const Bytes frame = encode_request(message, version, correlation_id, client_id);
          fmt::print("{} {} {}\n", message_name<M>(), version, to_hex(std::span(frame).subspan(4)));
        } else {
          fmt::print("{} {} {}\n", message_name<M>(), version, to_hex(encode(message, version)));
        }
      }
    }
  });
  return 0;
}

struct Checker {
  std::map<std::string, void (Checker::*)(std::int16_t, const Bytes&)> by_name;
  std::set<std::pair<std::string, std::int16_t>> missing;
  int checked = 0;
  int failed = 0;

  Checker() {
    for_each_message([&]<class M>() {
      by_name[message_name<M>()] = &Checker::check<M>;
      for (std::int16_t version = M::api.versions.min; version <= M::api.versions.max; ++version) {
        missing.emplace(message_name<M>(), version);
      }
    });
  }

  void fail(const std::string& what) {
    ++failed;
    fmt::print(stderr, "{}\n", what);
  }

  template <class M>
  void check(std::int16_t version, const Bytes& bytes) {
    ++checked;
    missing.erase({message_name<M>(), version});
    std::string why;
    std::optional<M> message;
    std::span<const std::byte> body = bytes;
    if constexpr (is_request<M>) {
      message = decode<M>(body, version, &why);
    } else {
      if (response_correlation_id(body) != correlation_id) return fail(message_name<M>() + ": wrong correlation id");
      message = decode_response<M>(body, version, &why);
      body = body.subspan(M::api.response_header(version) == 1 ? 5 : 4);
    }
    if (!message) return fail(fmt::format("{}\n  {}", why, to_hex(bytes)));
    const Bytes again = encode(*message, version);
    if (!std::ranges::equal(again, body)) {
      fail(fmt::format("{}\n  Kafka wrote {}\n  we write    {}", dump(*message, version), to_hex(body), to_hex(again)));
    }
  }
};

int check(const char* file) {
  std::ifstream in(file);
  if (!in) {
    fmt::print(stderr, "cannot read {}\n", file);
    return 2;
  }
  Checker checker;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string name;
    std::string hex;
    std::int16_t version = -1;
    words >> name >> version >> hex;
    const auto found = checker.by_name.find(name);
    if (found == checker.by_name.end()) {
      checker.fail("no such message: " + line.substr(0, 100));
    } else {
      (checker.*found->second)(version, from_hex(hex));
    }
  }
  for (const auto& [name, version] : checker.missing)
    checker.fail(fmt::format("{} v{}: nothing to check", name, version));
  fmt::print("Kafka's bytes, read and written again by shunt: {} messages, {} failed\n", checker.checked,
             checker.failed);
  return checker.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace shunt::protocol

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "describe" && argc == 2) return shunt::protocol::describe();
  if (command == "write" && argc == 4) return shunt::protocol::write(std::stoull(argv[2]), std::stoi(argv[3]));
  if (command == "check" && argc == 3) return shunt::protocol::check(argv[2]);
  fmt::print(stderr, "usage: codec_conformance describe | write SEED ROUNDS | check FILE\n");
  return 2;
}
