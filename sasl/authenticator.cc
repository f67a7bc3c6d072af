#include "sasl/authenticator.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "sasl/oauth_bearer.h"
#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Authenticator::Authenticator(const Credentials& credentials, CyrusClient::Kerberos kerberos)
    : credentials_(credentials), checks_(credentials.most_scram_iterations), kerberos_(std::move(kerberos)) {}

Authenticator::Step Authenticator::start() {
  return credentials_.mechanism == Mechanism::oauth_bearer ? start_bearer() : start_cyrus();
}

Authenticator::Step Authenticator::start_cyrus() {
  try {
    client_ = std::make_unique<CyrusClient>(credentials_, std::move(kerberos_));
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
  if (token_) return handle_bearer(text_of(challenge));
  if (credentials_.mechanism == Mechanism::gssapi) return handle_gssapi(challenge);
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

// ---- GSSAPI ---------------------------------------------------------------------------------------------------------

//   client   ticket and proof          server   its own proof
//   client   (empty)                   server   the security layers it has        RFC 4752, 3.1
//   client   none of them, and nobody else to be
Authenticator::Step Authenticator::handle_gssapi(std::span<const std::byte> challenge) {
  if (has_ended_) return challenge.empty() ? Step::done : fail("the server goes on where GSSAPI has ended");
  switch (client_->handle_challenge(challenge)) {
    case CyrusClient::Outcome::failed:
      return fail(client_->reason());
    case CyrusClient::Outcome::more:
      return Step::send;
    case CyrusClient::Outcome::ended:
      has_ended_ = true;
      return Step::send;
  }
  return fail("unknown outcome");
}

// ---- OAUTHBEARER ----------------------------------------------------------------------------------------------------

Authenticator::Step Authenticator::start_bearer() {
  CurrentToken::State state = credentials_.token->get();
  if (!state.token) return fail("there is no token yet" + (state.failure.empty() ? "" : ": " + state.failure));
  token_ = std::move(state.token);
  output_ = oauth_client_first(*token_, credentials_.extensions);
  return Step::send;
}

Authenticator::Step Authenticator::handle_bearer(std::string_view challenge) {
  if (awaiting_ == Awaiting::refusal) return fail(explain_refusal(""));  // whatever it says now
  if (challenge.empty()) return Step::done;
  status_ = oauth_refusal_status(challenge);
  awaiting_ = Awaiting::refusal;
  output_ = oauth_client_gives_up();
  return Step::send;
}

std::string Authenticator::explain_refusal(const std::string& message) const {
  if (credentials_.mechanism == Mechanism::gssapi) {
    return fmt::format("the broker refuses the Kerberos ticket{}: its own log says why",
                       message.empty() ? "" : fmt::format(" ({})", message));
  }
  if (!token_) {
    return fmt::format(
        "the broker refuses user or password{}: correct username and password in sasl.jaas.config and "
        "restart, or have the broker accept them",
        message.empty() ? "" : fmt::format(" ({})", message));
  }
  const std::string& said = status_.empty() ? message : status_;
  const auto expiry = std::chrono::system_clock::time_point(std::chrono::milliseconds(token_->expires_ms));
  const bool has_ended = expiry <= std::chrono::system_clock::now();
  std::string text = fmt::format("the broker refuses the token{}, which {} at {:%F %T} UTC",
                                 said.empty() ? "" : fmt::format(" ({})", said), has_ended ? "ended" : "ends",
                                 fmt::gmtime(std::chrono::system_clock::to_time_t(expiry)));
  const CurrentToken::State now = credentials_.token->get();
  if (!now.failure.empty()) text += "; a new one cannot be had: " + now.failure;
  return text;
}

Authenticator::Step Authenticator::fail(std::string reason) {
  reason_ = std::move(reason);
  return Step::failed;
}

}  // namespace shunt::sasl
