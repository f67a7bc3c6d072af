// Any bytes as a sasl.jaas.config: taken or refused, never quoted in the refusal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sasl/credentials.h"

using namespace shunt::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string why;
  const auto module = parse_jaas(text, why);
  if (module.has_value() != why.empty()) std::abort();
  if (!module) return 0;
  for (const Mechanism mechanism : every_mechanism) {
    const auto credentials = make_credentials(mechanism, *module, why);
    if (credentials && (credentials->user.empty() || credentials->password.empty())) std::abort();
    if (!credentials && why.empty()) std::abort();
  }
  return 0;
}
