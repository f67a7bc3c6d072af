#include "net/handshake.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "net/frame_reader.h"
#include "protocol/error.h"
#include "protocol/request.h"

namespace shunt::net {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

namespace {

constexpr std::int16_t first_version = 3;
constexpr std::int16_t fallback_version = 0;
constexpr std::int16_t unsupported_version_error = 35;

constexpr std::size_t correlation_id_bytes = 4;
constexpr std::size_t error_code_bytes = 2;

// The first versions that carry record batches of format 2 (KIP-98, Kafka 0.11.0).
constexpr std::int16_t produce_key = 0;
constexpr std::int16_t produce_with_batches = 3;
constexpr std::int16_t fetch_key = 1;
constexpr std::int16_t fetch_with_batches = 4;

// Only the quorum of controllers votes (KIP-595).
constexpr std::int16_t vote_key = 52;

}  // namespace

std::vector<std::byte> Handshake::start() {
  return ask_api_versions(first_version);
}

std::vector<std::byte> Handshake::ask_api_versions(std::int16_t version) {
  ApiVersionsRequest request;
  if (version >= 3) {
    // Kafka matches both against [a-zA-Z0-9.-]+ and counts connections by them (KIP-511).
    request.client_software_name = "shunt";
    request.client_software_version = SHUNT_VERSION;
  }
  version_ = version;
  return protocol::encode_request(request, version, ++correlation_id_, client_id_);
}

Handshake::Step Handshake::handle_frame(std::span<const std::byte> frame) {
  if (frame.size() < correlation_id_bytes) {
    return fail(fmt::format("the peer is not a Kafka broker: it answered {} with {} bytes: check the port",
                            request_name(), frame.size()));
  }
  const std::int32_t correlation_id = read_int32(frame.first<correlation_id_bytes>());
  if (correlation_id != correlation_id_) {
    return fail(fmt::format("the peer is not a Kafka broker: it answered request {} with the number {}: check the port",
                            correlation_id_, correlation_id));
  }
  if (frame.size() > handshake_answer_limit_bytes) {
    return fail(fmt::format("the peer answered {} with {} bytes, where no broker needs more than {}", request_name(),
                            frame.size(), handshake_answer_limit_bytes));
  }
  return sasl_ ? handle_sasl(sasl_->handle_frame(frame, correlation_id_ + 1)) : handle_api_versions(frame);
}

Handshake::Step Handshake::handle_api_versions(std::span<const std::byte> frame) {
  // The error code comes first in every version. A broker that does not know the version asked for answers in the shape
  // of version 0 (KIP-511), so it is read before the rest can be.
  if (frame.size() >= correlation_id_bytes + error_code_bytes) {
    const auto error =
        static_cast<std::int16_t>(std::to_integer<unsigned>(frame[4]) << 8 | std::to_integer<unsigned>(frame[5]));
    if (error == unsupported_version_error && version_ != fallback_version) {
      output_ = ask_api_versions(fallback_version);
      return Step::send;
    }
    if (error != 0) return fail(fmt::format("the broker answered ApiVersions with {}", protocol::error_name(error)));
  }
  std::string why;
  const auto response = protocol::decode_response<ApiVersionsResponse>(frame, version_, &why, handshake_memory_bytes);
  if (!response) return fail("malformed answer to ApiVersions: " + why);
  auto versions = ApiVersions::from(*response, why);
  if (!versions) return fail("malformed answer to ApiVersions: " + why);
  versions_ = std::move(*versions);
  std::string too_old = judge_age();
  if (!too_old.empty()) return fail(std::move(too_old));
  return credentials_ ? begin_sasl() : Step::ready;
}

// ---- SASL -----------------------------------------------------------------------------------------------------------

Handshake::Step Handshake::begin_sasl() {
  std::string why;
  const auto version = pick_version(versions_, protocol::SaslAuthenticateRequest::api, why);
  if (!version) return fail(std::move(why));
  sasl_.emplace(credentials_->current(), host_, client_id_, *version);
  output_ = sasl_->start(++correlation_id_);
  return Step::send;
}

std::vector<std::byte> Handshake::reauthenticate() {
  begin_sasl();  // the version was found before
  return take_output();
}

Handshake::Step Handshake::resume() {
  return handle_sasl(sasl_->resume(correlation_id_ + 1));
}

Handshake::Step Handshake::handle_sasl(SaslExchange::Step step) {
  switch (step) {
    case SaslExchange::Step::send:
      ++correlation_id_;
      output_ = sasl_->take_output();
      return Step::send;
    case SaslExchange::Step::wait:
      return Step::wait;
    case SaslExchange::Step::done:
      return Step::ready;
    case SaslExchange::Step::failed:
      break;
  }
  return fail(sasl_->reason());
}

std::optional<Duration> Handshake::renewal_delay() const {
  if (!sasl_ || !sasl_->session_lifetime()) return {};
  // Brokers take no two authentications of a connection within a second.
  constexpr Duration least = std::chrono::seconds(1);
  constexpr Duration margin = std::chrono::seconds(5);
  const Duration lifetime = *sasl_->session_lifetime();
  const Duration usual = lifetime * static_cast<Duration::rep>(850 + random_seed() % 100) / 1000;
  return std::max(least, std::min(usual, lifetime - margin));
}

// ---- When it fails --------------------------------------------------------------------------------------------------

std::string Handshake::judge_age() const {
  const auto produce = versions_.find(produce_key);
  const auto fetch = versions_.find(fetch_key);
  if (!produce && versions_.find(vote_key)) {
    return "this is the listener of a KRaft controller, which holds no topics: use the address of a broker";
  }
  if (!produce || !fetch) {
    return fmt::format("the peer offers no {}: it is not a broker that holds topics", produce ? "Fetch" : "Produce");
  }
  if (produce->max >= produce_with_batches && fetch->max >= fetch_with_batches) return {};
  return fmt::format(
      "broker too old: it speaks Produce up to version {} and Fetch up to version {}, as Kafka 0.10.2 and "
      "earlier do; record batches need Produce {} and Fetch {} (Kafka 0.11.0)",
      produce->max, fetch->max, produce_with_batches, fetch_with_batches);
}

std::string Handshake::explain_close(std::span<const std::byte> received) const {
  if (received.size() >= size_prefix_bytes) {
    std::string what = explain_frame_size(received.first<size_prefix_bytes>(), handshake_limit_bytes);
    if (!what.empty()) return what;
    return fmt::format("the connection was closed in the middle of the answer to {}", request_name());
  }
  if (sasl_) {
    return fmt::format("{}: the broker closed the connection instead of answering", sasl_->describe());
  }
  return "the connection was closed instead of answering ApiVersions: broker too old (Kafka 0.9 and earlier do so), a "
         "TLS listener asked in plain text, or a proxy with no broker behind it";
}

std::string Handshake::explain_silence() const {
  if (sasl_) return "connected, but no answer to the SASL exchange";
  return "connected, but no answer to ApiVersions: the peer is not a Kafka broker, or hangs (stopped, overloaded, "
         "behind a proxy that holds the connection)";
}

const char* Handshake::request_name() const {
  return sasl_ ? "the SASL exchange" : "ApiVersions";
}

Handshake::Step Handshake::fail(std::string reason) {
  reason_ = std::move(reason);
  return Step::failed;
}

}  // namespace shunt::net
