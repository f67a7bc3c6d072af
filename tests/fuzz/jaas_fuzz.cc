// Any bytes as a sasl.jaas.config: taken or refused, never quoted in the refusal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sasl/credentials.h"
#include "sasl/kerberos.h"
#include "sasl/unsecured_token.h"

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
  std::string refused;
  const auto bearer = make_token_credentials(*module, "extension_", nullptr, refused);
  if (bearer.has_value() != refused.empty()) std::abort();
  refused.clear();
  if (const auto token = make_unsecured_token(*module, 0, refused)) {
    // It ends when the line says so, which may be said wrongly; whose it is was asked for.
    parse_bearer_token(token->reveal(), unsecured_subject_claim(*module), refused);
  } else if (refused.empty()) {
    std::abort();
  }
  refused.clear();
  if (!read_kerberos(*module, "kafka", refused) && refused.empty()) std::abort();
  return 0;
}
