#include "sasl/authenticator.h"

#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

namespace shunt::sasl {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Authenticator::Authenticator(const Credentials& credentials)
    : credentials_(credentials), checks_(credentials.most_scram_iterations) {}

Authenticator::Step Authenticator::start() {
  try {
    client_ = std::make_unique<CyrusClient>(credentials_);
  } catch (const std::runtime_error& error) {
    return fail(error.what());
  }
  if (client_->start() == CyrusClient::Outcome::failed) return fail(client_->reason());
  if (is_scram(credentials_.mechanism)) {
    checks_.handle_client_first(text_of(client_->output()));
    awaiting_ = Awaiting::server_first;
  }
  return Step::send;
}

Authenticator::Step Authenticator::handle_challenge(std::span<const std::byte> challenge) {
  if (awaiting_ == Awaiting::nothing) {  // PLAIN: all was said
    return challenge.empty() ? Step::done : fail("the server goes on where PLAIN has ended");
  }
  const bool is_first = awaiting_ == Awaiting::server_first;
  std::string why =
      is_first ? checks_.check_server_first(text_of(challenge)) : ScramChecks::check_server_final(text_of(challenge));
  if (!why.empty()) return fail(std::move(why));
  switch (client_->handle_challenge(challenge)) {
    case CyrusClient::Outcome::failed:
      return fail(fmt::format("{}: {}",
                              is_first ? "the server's SCRAM message cannot be answered"
                                       : "the server has not proved that it knows the password",
                              client_->reason()));
    case CyrusClient::Outcome::more:
      if (!is_first) return fail("the SCRAM exchange does not end where it must");
      awaiting_ = Awaiting::server_final;
      return Step::send;
    case CyrusClient::Outcome::ended:
      if (is_first) return fail("the SCRAM exchange ends before the server has proved that it knows the password");
      awaiting_ = Awaiting::nothing;
      return Step::done;
  }
  return fail("unknown outcome");
}

Authenticator::Step Authenticator::fail(std::string reason) {
  reason_ = std::move(reason);
  return Step::failed;
}

}  // namespace shunt::sasl
