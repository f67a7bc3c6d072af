#include "sasl/authenticator.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sasl/scram_server.h"

namespace shunt::sasl {
namespace {

using Step = Authenticator::Step;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::ScramServer;

Credentials credentials(Mechanism mechanism, std::string user = "alice", std::string_view password = "pencil") {
  Credentials result;
  result.mechanism = mechanism;
  result.user = std::move(user);
  result.password = Secret(password);
  return result;
}

std::string output_of(Authenticator& authenticator) {
  const std::vector<std::byte> bytes = authenticator.take_output();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Step answer(Authenticator& authenticator, std::string_view text) {
  return authenticator.handle_challenge(std::as_bytes(std::span(text)));
}

TEST(Authenticator, PlainSaysUserAndPasswordOnce) {
  const Credentials alice = credentials(Mechanism::plain, "alice", "p w\xc3\xa4");
  Authenticator authenticator(alice);
  ASSERT_EQ(authenticator.start(), Step::send) << authenticator.reason();
  const std::string said = output_of(authenticator);
  // RFC 4616: [authzid] NUL authcid NUL passwd; Kafka takes an authorisation id that equals the user, or none.
  EXPECT_EQ(said, std::string("alice\0alice\0p w\xc3\xa4", 17));
  EXPECT_EQ(answer(authenticator, ""), Step::done);
}

TEST(Authenticator, PlainTakesNoSecondMessage) {
  const Credentials alice = credentials(Mechanism::plain);
  Authenticator authenticator(alice);
  ASSERT_EQ(authenticator.start(), Step::send);
  EXPECT_EQ(answer(authenticator, "more"), Step::failed);
}

// ---- OAUTHBEARER ----------------------------------------------------------------------------------------------------

class BearerTest : public ::testing::Test {
 protected:
  BearerTest() {
    credentials_.mechanism = Mechanism::oauth_bearer;
    credentials_.token = current_;
    credentials_.extensions.emplace("trace", Secret("a b"));
    credentials_.extensions.emplace("Zone", Secret("7"));
  }
  static BearerToken token(std::string_view text, std::int64_t expires_ms = 4'102'444'800'000) {
    return {.text = Secret(text), .user = "mirror", .issued_ms = {}, .expires_ms = expires_ms};
  }

  const std::shared_ptr<CurrentToken> current_ = std::make_shared<CurrentToken>();
  Credentials credentials_;
};

TEST_F(BearerTest, SaysTheNewestTokenAndTheExtensions) {
  current_->set(token("old.old.old"));
  current_->set(token("a.b.c"));
  current_->fail("no next one yet", false);
  Authenticator authenticator(credentials_);
  ASSERT_EQ(authenticator.start(), Step::send) << authenticator.reason();
  EXPECT_EQ(output_of(authenticator),
            "n,,\x01"
            "auth=Bearer a.b.c\x01"
            "Zone=7\x01trace=a b\x01\x01");
  EXPECT_EQ(answer(authenticator, ""), Step::done);
  EXPECT_EQ(credentials_.describe(), "OAUTHBEARER as user \"mirror\"");
}

TEST_F(BearerTest, ARefusalIsAcknowledgedAndThenTheStatusTold) {
  current_->set(token("hunter.hunter.hunter", 1'700'000'000'000));
  current_->fail("https://login: HTTP 503", false);
  for (const char* last : {"", "more", "{\"status\":\"fine\"}"}) {
    Authenticator authenticator(credentials_);
    ASSERT_EQ(authenticator.start(), Step::send);
    output_of(authenticator);
    ASSERT_EQ(answer(authenticator, R"({"status":"invalid_token","scope":"x"})"), Step::send);
    EXPECT_EQ(output_of(authenticator), "\x01");
    // Kafka's brokers answer the next message with an error of their own; whatever else comes does not mean yes.
    EXPECT_EQ(answer(authenticator, last), Step::failed);
    for (const std::string& said : {authenticator.reason(), authenticator.explain_refusal("in its own words")}) {
      EXPECT_EQ(said,
                "the broker refuses the token (invalid_token), which ended at 2023-11-14 22:13:20 UTC; a new one "
                "cannot be had: "
                "https://login: HTTP 503");
    }
  }
}

TEST_F(BearerTest, ARefusalMayBeAnything) {
  current_->set(token("a.b.c"));
  for (const char* refusal : {"no", "[]", "{\"status\":7}", "{\"status\":\"\"}", "\xff\xff"}) {
    Authenticator authenticator(credentials_);
    ASSERT_EQ(authenticator.start(), Step::send);
    ASSERT_EQ(answer(authenticator, refusal), Step::send);
    EXPECT_EQ(answer(authenticator, ""), Step::failed);
    EXPECT_EQ(authenticator.reason(), "the broker refuses the token, which ends at 2100-01-01 00:00:00 UTC");
  }
}

TEST_F(BearerTest, WithoutATokenNothingIsSaid) {
  Authenticator first(credentials_);
  EXPECT_EQ(first.start(), Step::failed);
  EXPECT_EQ(first.reason(), "there is no token yet");
  EXPECT_EQ(credentials_.describe(), "OAUTHBEARER");
  current_->fail("https://login: HTTP 401: invalid_client", true);
  Authenticator second(credentials_);
  EXPECT_EQ(second.start(), Step::failed);
  EXPECT_EQ(second.reason(), "there is no token yet: https://login: HTTP 401: invalid_client");
}

TEST_F(BearerTest, ExtensionsAreThoseOfTheRfc) {
  const auto made = [this](std::string_view options) {
    std::string why;
    const auto module = parse_jaas(
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required " + std::string(options) + ";",
        why);
    EXPECT_TRUE(module) << why;
    const auto credentials = make_token_credentials(*module, "extension_", current_, why);
    return credentials ? std::to_string(credentials->extensions.size()) : why;
  };
  EXPECT_EQ(made("clientId=x extension_a=b extension_b=\"c d\""), "2");
  EXPECT_THAT(made("extension_auth=b"), HasSubstr("auth is the token's own"));
  EXPECT_THAT(made("extension_a1=b"), HasSubstr("other than letters"));
  EXPECT_THAT(made("extension_=b"), HasSubstr("other than letters"));
  EXPECT_THAT(made("extension_a=\"hunter2\\001\""),
              testing::AllOf(HasSubstr("no ASCII text"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(made("extension_a=\"\""), HasSubstr("is empty"));
}

// ---- SCRAM ----------------------------------------------------------------------------------------------------------

class ScramTest : public ::testing::TestWithParam<Mechanism> {
 protected:
  /// The exchange with what the server says passed through these two; returns the last step and its reason.
  struct End {
    Step step;
    std::string reason;
    bool proof_sent;
  };
  using Change = std::function<std::string(std::string)>;
  End talk(const Credentials& client, ScramServer& server, const Change& first = {}, const Change& last = {}) {
    Authenticator authenticator(client);
    if (authenticator.start() != Step::send) return {Step::failed, authenticator.reason(), false};
    std::string said = server.first(output_of(authenticator));
    if (first) said = first(said);
    if (answer(authenticator, said) != Step::send) return {Step::failed, authenticator.reason(), false};
    said = server.last(output_of(authenticator));
    if (last) said = last(said);
    const Step step = answer(authenticator, said);
    return {step, authenticator.reason(), true};
  }
};
INSTANTIATE_TEST_SUITE_P(Mechanisms, ScramTest, ::testing::Values(Mechanism::scram_sha_256, Mechanism::scram_sha_512),
                         [](const auto& test) { return test.param == Mechanism::scram_sha_256 ? "Sha256" : "Sha512"; });

TEST_P(ScramTest, BothSidesProveThatTheyKnowThePassword) {
  for (const char* user : {"alice", "a=b,c", "j\xc3\xb6rg"}) {
    ScramServer server(GetParam(), "pencil");
    const End end = talk(credentials(GetParam(), user), server);
    EXPECT_EQ(end.step, Step::done) << end.reason;
  }
  ScramServer server(GetParam(), "pencil", 16384);
  EXPECT_EQ(talk(credentials(GetParam()), server).step, Step::done);
}

TEST_P(ScramTest, NoncesAreFreshAndLong) {
  ScramServer one(GetParam(), "pencil");
  ScramServer two(GetParam(), "pencil");
  talk(credentials(GetParam()), one);
  talk(credentials(GetParam()), two);
  EXPECT_NE(one.client_nonce, two.client_nonce);
  EXPECT_GE(one.client_nonce.size(), 24u);
}

TEST_P(ScramTest, AWrongPasswordIsAnsweredWithTheServersReason) {
  ScramServer server(GetParam(), "pencil");
  const End end = talk(credentials(GetParam(), "alice", "pen"), server);
  EXPECT_EQ(end.step, Step::failed);
  EXPECT_THAT(end.reason, HasSubstr("the server refused: invalid-proof"));
  EXPECT_THAT(end.reason, Not(HasSubstr("pen ")));
}

TEST_P(ScramTest, NoHostileFirstMessageGetsAProof) {
  const struct {
    const char* what;
    std::function<std::string(std::string nonce)> message;
    const char* reason;
  } cases[] = {
      {"another nonce", [](auto) { return std::string("r=abcdefghijklmnopqrstuvwxyz0123456789,s=QUJD,i=4096"); },
       "does not begin with ours"},
      {"our nonce alone", [](auto nonce) { return "r=" + nonce + ",s=QUJD,i=4096"; }, "added nothing"},
      {"its second half changed",
       [](auto nonce) {
         nonce.back() = nonce.back() == 'x' ? 'y' : 'x';
         return "r=" + nonce + "more,s=QUJD,i=4096";
       },
       "does not begin with ours"},
      {"one iteration", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=1"; },
       "asks for 1 SCRAM iterations, fewer than 4096"},
      {"one too few", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=4095"; }, "fewer than 4096"},
      {"one too many", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=16385"; },
       "more than shunt.sasl.scram.iterations.max"},
      {"2^31", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=2147483648"; }, "asks for 2147483648"},
      {"2^64 and more", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=99999999999999999999"; }, "more than"},
      {"negative", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=-4096"; }, "no iteration count"},
      {"no number", [](auto nonce) { return "r=" + nonce + "x,s=QUJD,i=4096x"; }, "no iteration count"},
      {"no count", [](auto nonce) { return "r=" + nonce + "x,s=QUJD"; }, "no iteration count"},
      {"no salt", [](auto nonce) { return "r=" + nonce + "x,i=4096"; }, "no salt"},
      {"empty salt", [](auto nonce) { return "r=" + nonce + "x,s=,i=4096"; }, "no salt"},
      {"a salt that is no base64", [](auto nonce) { return "r=" + nonce + "x,s=!!!!,i=4096"; }, ""},
      {"a refusal", [](auto) { return std::string("e=unknown-user,x=1"); }, "the server refused: unknown-user"},
      {"a mandatory extension", [](auto nonce) { return "m=new,r=" + nonce + "x,s=QUJD,i=4096"; }, "extension"},
      {"nothing", [](auto) { return std::string(); }, "without proving"},
      {"a signature at once", [](auto) { return std::string("v=QUJD"); }, "does not begin with ours"},
      {"NUL", [](auto nonce) { return "r=" + nonce + "x" + std::string(1, '\0') + ",s=QUJD,i=4096"; }, "no text"},
      {"control characters", [](auto nonce) { return "r=" + nonce + "\x1b[2J,s=QUJD,i=4096"; }, "no text"},
      {"a huge nonce", [](auto nonce) { return "r=" + nonce + std::string(1 << 20, 'x') + ",s=QUJD,i=4096"; },
       "bytes where at most"},
      {"a huge salt", [](auto nonce) { return "r=" + nonce + "x,s=" + std::string(1 << 20, 'A') + ",i=4096"; },
       "bytes where at most"},
  };
  for (const auto& one : cases) {
    ScramServer server(GetParam(), "pencil");
    const End end = talk(credentials(GetParam()), server, [&](auto) { return one.message(server.client_nonce); });
    EXPECT_EQ(end.step, Step::failed) << one.what;
    EXPECT_FALSE(end.proof_sent) << one.what;
    EXPECT_FALSE(end.reason.empty());
    EXPECT_THAT(end.reason, HasSubstr(one.reason)) << one.what;
  }
}

TEST_P(ScramTest, NobodyIsBelievedWithoutTheRightSignature) {
  const struct {
    const char* what;
    std::function<std::string(std::string)> change;
  } cases[] = {
      {"missing", [](auto) { return std::string(); }},
      {"empty", [](auto) { return std::string("v="); }},
      {"first character changed",
       [](auto text) {
         text[2] = text[2] == 'A' ? 'B' : 'A';
         return text;
       }},
      {"last byte changed",
       [](auto text) {
         auto& c = text[text.find_last_not_of('=') - 1];
         c = c == 'A' ? 'B' : 'A';
         return text;
       }},
      {"cut short", [](auto text) { return text.substr(0, text.size() - 4); }},
      {"all but nothing", [](auto text) { return text.substr(0, 6); }},
      {"too long", [](auto text) { return text + "QUJD"; }},
      {"another one", [](auto) { return "v=" + tests::base64(tests::Hash(32, 7)); }},
      {"no base64", [](auto) { return std::string("v=!!!!"); }},
      {"a refusal", [](auto) { return std::string("e=other-error"); }},
      {"huge", [](auto) { return "v=" + std::string(1 << 20, 'A'); }},
      {"the first message again", [](auto) { return std::string("r=abc,s=QUJD,i=4096"); }},
  };
  for (const auto& one : cases) {
    ScramServer server(GetParam(), "pencil");
    const End end = talk(credentials(GetParam()), server, {}, one.change);
    EXPECT_EQ(end.step, Step::failed) << one.what;
    EXPECT_FALSE(end.reason.empty()) << one.what;
    EXPECT_THAT(end.reason, Not(HasSubstr("pencil")));
  }
}

TEST_P(ScramTest, MoreIterationsAreAllowedByWish) {
  Credentials alice = credentials(GetParam());
  alice.most_scram_iterations = 20000;
  ScramServer server(GetParam(), "pencil", 20000);
  EXPECT_EQ(talk(alice, server).step, Step::done);
}

}  // namespace
}  // namespace shunt::sasl
