#include "net/handshake.h"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/frame_reader.h"
#include "protocol/messages/sasl_authenticate.h"
#include "protocol/messages/sasl_handshake.h"
#include "protocol/request.h"
#include "sasl/slow_start.h"

namespace shunt::net {
namespace {

using protocol::ApiVersionsResponse;
using Step = Handshake::Step;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

struct Ranges {
  std::int16_t key, min, max;
};
const std::vector<Ranges> broker_of_today = {{0, 0, 13}, {1, 4, 18}, {3, 0, 13}, {18, 0, 4}};

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::array<std::byte, 4> prefix_of(std::string_view text) {
  std::array<std::byte, 4> prefix{};
  std::copy_n(reinterpret_cast<const std::byte*>(text.data()), 4, prefix.begin());
  return prefix;
}

/// A response frame without its size prefix: correlation id and body.
std::vector<std::byte> answer(std::int32_t correlation_id, const std::vector<Ranges>& apis, std::int16_t version,
                              std::int16_t error = 0) {
  ApiVersionsResponse response;
  response.error_code = error;
  for (const Ranges& api : apis) response.api_keys.push_back({api.key, api.min, api.max});
  std::vector<std::byte> frame = {std::byte(correlation_id >> 24), std::byte(correlation_id >> 16),
                                  std::byte(correlation_id >> 8), std::byte(correlation_id)};
  const auto body = protocol::encode(response, version);
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

std::int16_t version_asked(const std::vector<std::byte>& request) {  // size 4, api key 2, version 2
  return static_cast<std::int16_t>(std::to_integer<int>(request.at(6)) << 8 | std::to_integer<int>(request.at(7)));
}

TEST(Handshake, AsksVersionThreeAndIsReadyWithTheTable) {
  Handshake handshake("me");
  const auto request = handshake.start();
  EXPECT_EQ(version_asked(request), 3);
  EXPECT_EQ(read_int32(std::span<const std::byte, 4>(request.data(), 4)),
            static_cast<std::int32_t>(request.size()) - 4);
  ASSERT_EQ(handshake.handle_frame(answer(1, broker_of_today, 3)), Step::ready) << handshake.reason();
  EXPECT_TRUE(handshake.versions().supports(0, 8));
  EXPECT_FALSE(handshake.versions().supports(1, 3));
  EXPECT_FALSE(handshake.versions().supports(99, 0));
}

TEST(Handshake, FallsBackToVersionZeroOnce) {
  Handshake handshake("me");
  handshake.start();
  ASSERT_EQ(handshake.handle_frame(answer(1, {{18, 0, 2}}, 0, 35)), Step::send);
  EXPECT_EQ(version_asked(handshake.take_output()), 0);
  EXPECT_EQ(handshake.handle_frame(answer(2, broker_of_today, 0)), Step::ready);

  Handshake stubborn("me");
  stubborn.start();
  ASSERT_EQ(stubborn.handle_frame(answer(1, {}, 0, 35)), Step::send);
  ASSERT_EQ(stubborn.handle_frame(answer(2, {}, 0, 35)), Step::failed);
  EXPECT_THAT(stubborn.reason(), HasSubstr("UNSUPPORTED_VERSION"));
}

TEST(Handshake, OldBrokersAreNamedAsSuch) {
  Handshake handshake("me");
  handshake.start();
  ASSERT_EQ(handshake.handle_frame(answer(1, {}, 0, 35)), Step::send);
  ASSERT_EQ(handshake.handle_frame(answer(2, {{0, 0, 2}, {1, 0, 3}, {18, 0, 0}}, 0)), Step::failed);
  EXPECT_THAT(handshake.reason(), HasSubstr("broker too old"));
  EXPECT_THAT(handshake.explain_close({}), HasSubstr("broker too old"));
}

TEST(Handshake, ControllersAreNamedAsSuch) {
  Handshake handshake("me");
  handshake.start();
  ASSERT_EQ(handshake.handle_frame(answer(1, {{1, 0, 17}, {18, 0, 4}, {52, 0, 2}}, 3)), Step::failed);
  EXPECT_THAT(handshake.reason(), HasSubstr("KRaft controller"));
}

TEST(Handshake, OtherServersAreRecognisedByTheirFirstBytes) {
  const struct {
    std::string_view bytes;
    const char* reason;
  } cases[] = {
      {std::string_view("\x15\x03\x03\x00", 4), "TLS"},
      {std::string_view("\x16\x03\x01\x02", 4), "TLS"},
      {"HTTP", "HTTP server"},
      {"SSH-", "text that begins \"SSH-\""},
      {std::string_view("\xff\xff\xff\xff", 4), "-1 bytes"},
      {std::string_view("\x00\x10\x00\x01", 4), "1048577 bytes"},
      {"220 ", "text that begins"},
  };
  for (const auto& one : cases) {
    Handshake handshake("me");
    handshake.start();
    EXPECT_THAT(explain_frame_size(prefix_of(one.bytes), handshake_limit_bytes), HasSubstr(one.reason));
    EXPECT_THAT(handshake.explain_close(prefix_of(one.bytes)), HasSubstr(one.reason));
  }
  EXPECT_EQ(explain_frame_size(prefix_of(std::string_view("\x00\x10\x00\x00", 4)), handshake_limit_bytes), "");
  EXPECT_EQ(explain_frame_size(prefix_of(std::string_view("\x00\x00\x00\x00", 4)), handshake_limit_bytes), "");
}

TEST(Handshake, HostileAnswersFailWithAReason) {
  const auto whole = answer(1, broker_of_today, 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Handshake handshake("me");
    handshake.start();
    ASSERT_EQ(handshake.handle_frame(std::span(whole).first(size)), Step::failed) << size;
    EXPECT_FALSE(handshake.reason().empty());
  }
  const struct {
    std::vector<std::byte> frame;
    const char* reason;
  } cases[] = {
      {answer(7, broker_of_today, 3), "number 7"},
      {answer(1, {{0, 0, 13}, {1, 4, 18}, {1, 4, 18}}, 3), "twice"},
      {answer(1, {{0, 5, 4}, {1, 4, 18}}, 3), "versions 5 to 4"},
      {answer(1, {{0, -1, 4}, {1, 4, 18}}, 3), "versions -1 to 4"},
      {answer(1, {{18, 0, 4}}, 3), "no Produce"},
      {answer(1, {{0, 0, 13}}, 3), "no Fetch"},
      {answer(1, {}, 3, 29), "TOPIC_AUTHORIZATION_FAILED"},
      {bytes_of("no Kafka at all"), "not a Kafka broker"},
  };
  for (const auto& one : cases) {
    Handshake handshake("me");
    handshake.start();
    ASSERT_EQ(handshake.handle_frame(one.frame), Step::failed) << one.reason;
    EXPECT_THAT(handshake.reason(), HasSubstr(one.reason));
  }
}

// ---- SASL -----------------------------------------------------------------------------------------------------------

/// A broker that asks for PLAIN, and what it is asked.
class SaslHandshakeTest : public ::testing::Test {
 protected:
  SaslHandshakeTest() {
    sasl::Credentials alice;
    alice.user = "alice";
    alice.password = sasl::Secret("pencil");
    credentials = std::make_shared<CredentialsSource>(std::move(alice));
  }

  template <class Message>
  static std::vector<std::byte> respond(std::int32_t correlation_id, const Message& message, std::int16_t version) {
    std::vector<std::byte> frame = {std::byte{0}, std::byte{0}, std::byte{0}, static_cast<std::byte>(correlation_id)};
    if (Message::api.is_flexible(version)) frame.push_back(std::byte{0});
    const auto body = protocol::encode(message, version);
    frame.insert(frame.end(), body.begin(), body.end());
    return frame;
  }
  static std::int16_t key_asked(const std::vector<std::byte>& request) {
    return static_cast<std::int16_t>(std::to_integer<int>(request.at(4)) << 8 | std::to_integer<int>(request.at(5)));
  }

  /// Up to the answer to SaslHandshake, which is `answer`.
  Step agree(Handshake& handshake, const protocol::SaslHandshakeResponse& answer_given) {
    handshake.start();
    EXPECT_EQ(handshake.handle_frame(answer(1, broker_with_sasl, 3)), Step::send);
    const auto request = handshake.take_output();
    EXPECT_EQ(key_asked(request), 17);
    EXPECT_EQ(version_asked(request), 1);
    return handshake.handle_frame(respond(2, answer_given, 1));
  }

  const std::vector<Ranges> broker_with_sasl = {{0, 0, 13}, {1, 4, 18}, {17, 0, 1}, {18, 0, 4}, {36, 0, 2}};
  std::shared_ptr<const CredentialsSource> credentials;
};

TEST_F(SaslHandshakeTest, AuthenticatesAfterApiVersionsAndAgainLater) {
  Handshake handshake("me", credentials);
  ASSERT_EQ(agree(handshake, {}), Step::send) << handshake.reason();
  EXPECT_EQ(handshake.stage(), Handshake::Stage::sasl);
  auto request = handshake.take_output();
  EXPECT_EQ(key_asked(request), 36);
  EXPECT_EQ(version_asked(request), 2);
  protocol::SaslAuthenticateResponse accepted;
  ASSERT_EQ(handshake.handle_frame(respond(3, accepted, 2)), Step::ready) << handshake.reason();
  EXPECT_FALSE(handshake.renewal_delay());
  EXPECT_TRUE(handshake.versions().supports(36, 2));

  request = handshake.reauthenticate();
  EXPECT_EQ(key_asked(request), 17);
  ASSERT_EQ(handshake.handle_frame(respond(4, protocol::SaslHandshakeResponse{}, 1)), Step::send);
  accepted.session_lifetime_ms = 100'000;
  ASSERT_EQ(handshake.handle_frame(respond(5, accepted, 2)), Step::ready);
  ASSERT_TRUE(handshake.renewal_delay());
  EXPECT_GE(*handshake.renewal_delay(), std::chrono::seconds(85));
  EXPECT_LE(*handshake.renewal_delay(), std::chrono::seconds(95));
}

TEST_F(SaslHandshakeTest, AShortSessionLeavesTimeForRequestsThatAreLate) {
  for (const auto& [lifetime, delay] : {std::pair{10s, 5s}, {7s, 2s}, {6s, 1s}, {2s, 1s}}) {
    Handshake handshake("me", credentials);
    ASSERT_EQ(agree(handshake, {}), Step::send);
    protocol::SaslAuthenticateResponse accepted;
    accepted.session_lifetime_ms = std::chrono::milliseconds(lifetime).count();
    ASSERT_EQ(handshake.handle_frame(respond(3, accepted, 2)), Step::ready);
    EXPECT_EQ(handshake.renewal_delay(), Duration(delay));
  }
}

/// Starts exchanges when the test says so.
class LateStart final : public sasl::SlowStart {
 public:
  std::shared_ptr<sasl::StartedExchange> begin(std::shared_ptr<const sasl::Credentials> with,
                                               std::string host) override {
    credentials = std::move(with);
    hosts.push_back(std::move(host));
    exchange = std::make_shared<sasl::StartedExchange>();
    return exchange;
  }
  void finish(bool has_ticket) {
    // Any exchange would do; PLAIN is one that needs nobody.
    exchange->authenticator = std::make_unique<sasl::Authenticator>(plain);
    exchange->step = has_ticket ? exchange->authenticator->start() : exchange->authenticator->fail("no ticket: why");
    exchange->is_done = true;
  }

  sasl::Credentials plain;
  std::shared_ptr<const sasl::Credentials> credentials;
  std::shared_ptr<sasl::StartedExchange> exchange;
  std::vector<std::string> hosts;
};

TEST_F(SaslHandshakeTest, WaitsForAnExchangeThatIsStartedElsewhere) {
  auto starter = std::make_shared<LateStart>();
  starter->plain = *credentials->current();
  sasl::Credentials of_mirror;
  of_mirror.mechanism = sasl::Mechanism::gssapi;
  of_mirror.user = "mirror@R";
  of_mirror.slow_start = starter;
  const auto mirror = std::make_shared<const CredentialsSource>(std::move(of_mirror));
  Handshake handshake("me", mirror, "broker.example");
  ASSERT_EQ(agree(handshake, {}), Step::wait) << handshake.reason();
  EXPECT_EQ(handshake.resume(), Step::wait);
  EXPECT_THAT(starter->hosts, testing::ElementsAre("broker.example"));
  EXPECT_EQ(starter->credentials, mirror->current());
  starter->finish(true);
  ASSERT_EQ(handshake.resume(), Step::send);
  EXPECT_EQ(key_asked(handshake.take_output()), 36);
  ASSERT_EQ(handshake.handle_frame(respond(3, protocol::SaslAuthenticateResponse{}, 2)), Step::ready);

  handshake.reauthenticate();
  ASSERT_EQ(handshake.handle_frame(respond(4, protocol::SaslHandshakeResponse{}, 1)), Step::wait);
  starter->finish(false);
  EXPECT_EQ(handshake.resume(), Step::failed);
  EXPECT_EQ(handshake.reason(), "GSSAPI as user \"mirror@R\": no ticket: why");

  Handshake late("me", mirror, "broker.example");
  starter.reset();
  EXPECT_EQ(agree(late, {}), Step::failed);
}

TEST_F(SaslHandshakeTest, NoSessionIsRenewedWithinASecondAndNoneInAThousandYears) {
  for (const auto& [lifetime_ms, is_renewed] :
       {std::pair{std::int64_t{1}, true}, {INT64_MAX, false}, {std::int64_t{-1}, false}, {INT64_MIN, false}}) {
    Handshake handshake("me", credentials);
    ASSERT_EQ(agree(handshake, {}), Step::send);
    protocol::SaslAuthenticateResponse accepted;
    accepted.session_lifetime_ms = lifetime_ms;
    ASSERT_EQ(handshake.handle_frame(respond(3, accepted, 2)), Step::ready);
    EXPECT_EQ(handshake.renewal_delay().has_value(), is_renewed) << lifetime_ms;
    EXPECT_EQ(handshake.renewal_delay().value_or(std::chrono::seconds(1)), std::chrono::seconds(1));
  }
}

TEST_F(SaslHandshakeTest, RefusalsNameMechanismAndUserAndNeverThePassword) {
  protocol::SaslHandshakeResponse other_mechanism;
  other_mechanism.error_code = 33;
  other_mechanism.mechanisms = {"GSSAPI", "SCRAM-SHA-512"};
  protocol::SaslHandshakeResponse no_sasl;
  no_sasl.error_code = 34;
  for (const auto& [response, reason] :
       {std::pair{other_mechanism, "the broker offers only GSSAPI, SCRAM-SHA-512: set sasl.mechanism"},
        {no_sasl, "this listener authenticates nobody"}}) {
    Handshake handshake("me", credentials);
    ASSERT_EQ(agree(handshake, response), Step::failed);
    EXPECT_THAT(handshake.reason(), AllOf(HasSubstr("PLAIN as user \"alice\": "), HasSubstr(reason)));
  }
  Handshake handshake("me", credentials);
  ASSERT_EQ(agree(handshake, {}), Step::send);
  protocol::SaslAuthenticateResponse refused;
  refused.error_code = 58;
  refused.error_message = "no such\nuser";
  ASSERT_EQ(handshake.handle_frame(respond(3, refused, 2)), Step::failed);
  EXPECT_EQ(
      handshake.reason(),
      "PLAIN as user \"alice\": the broker refuses user or password (no such?user): correct username and password "
      "in sasl.jaas.config and restart, or have the broker accept them");
  EXPECT_THAT(handshake.explain_close({}), AllOf(HasSubstr("alice"), Not(HasSubstr("pencil"))));
}

TEST_F(SaslHandshakeTest, HostileAnswersFailWithAReason) {
  const protocol::SaslAuthenticateResponse accepted;
  const auto whole = respond(3, accepted, 2);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Handshake handshake("me", credentials);
    ASSERT_EQ(agree(handshake, {}), Step::send);
    ASSERT_EQ(handshake.handle_frame(std::span(whole).first(size)), Step::failed) << size;
    EXPECT_FALSE(handshake.reason().empty());
  }
  // As large as a frame may be, and sixteen times that in memory.
  protocol::SaslHandshakeResponse list;
  list.error_code = 33;
  list.mechanisms.resize((handshake_limit_bytes - 100) / 2);
  Handshake flooded("me", credentials);
  ASSERT_EQ(agree(flooded, list), Step::failed);
  EXPECT_THAT(flooded.reason(), HasSubstr("where no broker needs more than 65536"));
  protocol::SaslAuthenticateResponse large;
  large.auth_bytes.resize(handshake_answer_limit_bytes);
  Handshake lengthy("me", credentials);
  ASSERT_EQ(agree(lengthy, {}), Step::send);
  ASSERT_EQ(lengthy.handle_frame(respond(3, large, 2)), Step::failed);
  EXPECT_THAT(lengthy.reason(), HasSubstr("where no broker needs more than 65536"));

  Handshake without("me", credentials);
  without.start();
  ASSERT_EQ(without.handle_frame(answer(1, broker_of_today, 3)), Step::failed);
  EXPECT_THAT(without.reason(), HasSubstr("does not offer SaslAuthenticate"));
}

TEST(PickVersion, HighestCommonOrAReason) {
  ApiVersionsResponse response;
  response.api_keys = {{18, 1, 3}, {3, 20, 30}};
  std::string why;
  const auto broker = ApiVersions::from(response, why);
  ASSERT_TRUE(broker);
  const protocol::Api api{.key = 18, .name = "ApiVersions", .versions = {0, 4}, .flexible = 3};
  EXPECT_EQ(pick_version(*broker, api, why), 3);
  EXPECT_EQ(pick_version(*broker, api, why, std::int16_t{2}), 2);
  EXPECT_FALSE(pick_version(*broker, api, why, std::int16_t{0}));
  EXPECT_THAT(why, HasSubstr("the broker speaks 1 to 3, shunt 0 to 0"));
  EXPECT_FALSE(pick_version(*broker, {.key = 3, .name = "Metadata", .versions = {0, 13}, .flexible = 9}, why));
  EXPECT_THAT(why, HasSubstr("shunt is too old"));
  EXPECT_FALSE(pick_version(*broker, {.key = 18, .name = "ApiVersions", .versions = {4, 5}, .flexible = 3}, why));
  EXPECT_THAT(why, HasSubstr("broker is too old"));
  EXPECT_FALSE(pick_version(*broker, {.key = 61, .name = "DescribeProducers", .versions = {0, 0}, .flexible = 0}, why));
  EXPECT_THAT(why, HasSubstr("does not offer DescribeProducers (api key 61)"));
}

}  // namespace
}  // namespace shunt::net
