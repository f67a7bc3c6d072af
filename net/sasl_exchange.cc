#include "net/sasl_exchange.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/error.h"
#include "protocol/messages/sasl_handshake.h"
#include "protocol/request.h"
#include "sasl/printable_text.h"

namespace shunt::net {

using protocol::SaslAuthenticateRequest;
using protocol::SaslAuthenticateResponse;
using protocol::SaslHandshakeRequest;
using protocol::SaslHandshakeResponse;

namespace {

constexpr std::int16_t handshake_version = 1;
constexpr std::int16_t unsupported_mechanism_error = 33;
constexpr std::int16_t illegal_state_error = 34;
constexpr std::int16_t authentication_failed_error = 58;

}  // namespace

SaslExchange::SaslExchange(std::shared_ptr<const sasl::Credentials> credentials, std::string host,
                           const std::string& client_id, std::int16_t authenticate_version)
    : credentials_(std::move(credentials)),
      host_(std::move(host)),
      client_id_(client_id),
      authenticate_version_(authenticate_version) {}

std::vector<std::byte> SaslExchange::start(std::int32_t correlation_id) {
  SaslHandshakeRequest request;
  request.mechanism = to_string(credentials_->mechanism);
  return protocol::encode_request(request, handshake_version, correlation_id, client_id_);
}

SaslExchange::Step SaslExchange::handle_frame(std::span<const std::byte> frame, std::int32_t correlation_id) {
  return mechanism_agreed_ ? handle_message(frame, correlation_id) : handle_mechanisms(frame, correlation_id);
}

SaslExchange::Step SaslExchange::handle_mechanisms(std::span<const std::byte> frame, std::int32_t correlation_id) {
  std::string why;
  const auto response =
      protocol::decode_response<SaslHandshakeResponse>(frame, handshake_version, &why, handshake_memory_bytes);
  if (!response) return fail("malformed answer to SaslHandshake: " + why);
  switch (response->error_code) {
    case 0:
      mechanism_agreed_ = true;
      return authenticate(correlation_id);
    case unsupported_mechanism_error:
      return fail(fmt::format("the broker offers only {}: set sasl.mechanism to one of them",
                              sasl::printable_text(fmt::format("{}", fmt::join(response->mechanisms, ", ")))));
    case illegal_state_error:
      return fail(
          "this listener authenticates nobody: set security.protocol to PLAINTEXT or SSL, or use the port of a "
          "SASL listener");
    default:
      return fail(fmt::format("the broker answered SaslHandshake with {}", protocol::error_name(response->error_code)));
  }
}

SaslExchange::Step SaslExchange::authenticate(std::int32_t correlation_id) {
  if (credentials_->mechanism == sasl::Mechanism::gssapi) {
    const auto starter = credentials_->slow_start.lock();
    if (!starter) return fail("closed by shunt");
    being_started_ = starter->begin(credentials_, host_);
    return Step::wait;
  }
  authenticator_ = std::make_unique<sasl::Authenticator>(*credentials_);
  return handle(authenticator_->start(), correlation_id);
}

SaslExchange::Step SaslExchange::resume(std::int32_t correlation_id) {
  if (!being_started_->is_done.load(std::memory_order_acquire)) return Step::wait;
  authenticator_ = std::move(being_started_->authenticator);
  const auto step = being_started_->step;
  being_started_.reset();
  return handle(step, correlation_id);
}

SaslExchange::Step SaslExchange::handle_message(std::span<const std::byte> frame, std::int32_t correlation_id) {
  std::string why;
  auto response =
      protocol::decode_response<SaslAuthenticateResponse>(frame, authenticate_version_, &why, handshake_memory_bytes);
  if (!response) return fail("malformed answer to SaslAuthenticate: " + why);
  if (response->error_code != 0) return refuse(*response);
  // A lifetime beyond what a clock can count is for ever.
  constexpr auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::hours(24 * 365));
  const std::chrono::milliseconds lifetime(std::max<std::int64_t>(response->session_lifetime_ms, 0));
  session_lifetime_.reset();
  if (lifetime > lifetime.zero() && lifetime < longest) session_lifetime_ = lifetime;
  return handle(authenticator_->handle_challenge(response->auth_bytes), correlation_id);
}

SaslExchange::Step SaslExchange::handle(sasl::Authenticator::Step step, std::int32_t correlation_id) {
  switch (step) {
    case sasl::Authenticator::Step::send: {
      SaslAuthenticateRequest request;
      request.auth_bytes = authenticator_->take_output();
      output_ = protocol::encode_request(request, authenticate_version_, correlation_id, client_id_);
      sasl::wipe(request.auth_bytes);
      return Step::send;
    }
    case sasl::Authenticator::Step::done:
      return Step::done;
    case sasl::Authenticator::Step::failed:
      return fail(authenticator_->reason());
  }
  return fail("unknown step");
}

SaslExchange::Step SaslExchange::refuse(const SaslAuthenticateResponse& response) {
  const std::string message = sasl::printable_text(response.error_message.value_or(""));
  if (response.error_code != authentication_failed_error) {
    return fail(fmt::format("the broker answered SaslAuthenticate with {}{}{}",
                            protocol::error_name(response.error_code), message.empty() ? "" : ": ", message));
  }
  return fail(authenticator_->explain_refusal(message.empty() ? protocol::error_name(response.error_code) : message));
}

SaslExchange::Step SaslExchange::fail(const std::string& reason) {
  reason_ = fmt::format("{}: {}", credentials_->describe(), reason);
  return Step::failed;
}

}  // namespace shunt::net
