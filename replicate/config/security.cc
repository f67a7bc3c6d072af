#include "replicate/config/security.h"

#include <string>
#include <utility>

#include <fmt/format.h>

namespace shunt::replicate {
namespace {

enum class SecurityProtocol { plaintext, sasl_plaintext, unsupported };

SecurityProtocol read_protocol(Reader& reader) {
  const auto protocol =
      reader.choice<SecurityProtocol>("security.protocol", {{"PLAINTEXT", SecurityProtocol::plaintext},
                                                            {"SSL", SecurityProtocol::unsupported},
                                                            {"SASL_PLAINTEXT", SecurityProtocol::sasl_plaintext},
                                                            {"SASL_SSL", SecurityProtocol::unsupported}});
  if (protocol == SecurityProtocol::unsupported) {
    reader.fail(*reader.find("security.protocol"),
                "is not supported: this build of shunt has no TLS; use a PLAINTEXT or SASL_PLAINTEXT listener");
  }
  return protocol;
}

std::optional<sasl::Mechanism> read_mechanism(Reader& reader, const Entry& protocol) {
  const Entry* entry = reader.find("sasl.mechanism");
  if (entry == nullptr) {
    reader.fail(protocol,
                "needs sasl.mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (Kafka's default, GSSAPI, is not "
                "supported)");
    return std::nullopt;
  }
  const auto mechanism = sasl::find_mechanism(reader.text("sasl.mechanism"));
  if (!mechanism) reader.fail(*entry, "is not supported; shunt has PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512");
  return mechanism;
}

}  // namespace

std::shared_ptr<const sasl::Credentials> read_credentials(Reader& reader) {
  if (read_protocol(reader) != SecurityProtocol::sasl_plaintext) return nullptr;
  const Entry& protocol = *reader.find("security.protocol");
  const auto mechanism = read_mechanism(reader, protocol);
  const Entry* jaas = reader.find("sasl.jaas.config");
  if (jaas == nullptr) reader.fail(protocol, "needs sasl.jaas.config, which holds user and password");
  if (!mechanism || jaas == nullptr) return nullptr;

  std::string why;
  const auto module = sasl::parse_jaas(jaas->value.reveal(), why);
  auto credentials = module ? sasl::make_credentials(*mechanism, *module, why) : std::nullopt;
  if (!credentials) {
    reader.fail(*jaas, fmt::format("is refused: {}", why));
    return nullptr;
  }
  credentials->most_scram_iterations = reader.number_as<std::uint32_t>(
      "shunt.sasl.scram.iterations.max", sasl::least_scram_iterations, sasl::largest_scram_iterations);
  return std::make_shared<const sasl::Credentials>(std::move(*credentials));
}

}  // namespace shunt::replicate
