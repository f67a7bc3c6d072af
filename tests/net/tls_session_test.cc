#include "net/tls_session.h"

#include <chrono>
#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/net/loop_fixture.h"
#include "tests/support/tls_server.h"

namespace shunt::net {
namespace {

using Outcome = TlsSession::Outcome;
using ::testing::HasSubstr;
using tests::Authority;
using tests::Identity;
using tests::TlsServer;

const Authority& authority() {
  static const Authority instance;
  return instance;
}

TlsSettings trusting(const std::string& certificates) {
  TlsSettings settings;
  settings.trust.emplace().certificates = sasl::Secret(certificates);
  return settings;
}

std::shared_ptr<const TlsContext> context_of(const TlsSettings& settings) {
  std::string why;
  auto context = TlsContext::make(settings, why);
  EXPECT_TRUE(context) << why;
  return context;
}

/// Carries bytes both ways, `step` at a time, until the handshake has ended one way or the other.
Outcome shake_hands(TlsSession& session, TlsServer& server, std::size_t step = 1 << 20) {
  Outcome outcome = session.shake_hands();
  for (int round = 0; round < 10; ++round) {
    std::vector<std::byte> sent;
    session.take_output(sent);
    server.receive(sent);
    if (outcome != Outcome::more) break;
    const std::vector<std::byte> answer = server.take_output();
    for (std::size_t at = 0; at < answer.size() && outcome == Outcome::more; at += step) {
      session.receive(std::span(answer).subspan(at, std::min(step, answer.size() - at)));
      outcome = session.shake_hands();
    }
  }
  return outcome;
}

/// Why a broker that shows `identity` is refused when it is reached as `host`; empty: it is not.
std::string refusal(const Identity& identity, const std::string& host, bool check_host = true) {
  TlsSettings settings = trusting(authority().certificate());
  settings.check_host = check_host;
  TlsSession session(context_of(settings), host, "1");
  TlsServer server(identity);
  return shake_hands(session, server) == Outcome::done ? "" : session.reason();
}

TEST(TlsSession, CarriesBytesBothWaysHoweverTheyAreCut) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      TlsSession session(context_of(trusting(authority().certificate())), "localhost", "1");
      TlsServer server(authority().issue("broker"), {}, version);
      ASSERT_EQ(shake_hands(session, server, step), Outcome::done) << session.reason();
      EXPECT_EQ(server.server_name(), "localhost");
      EXPECT_THAT(server.cipher(), HasSubstr(version == TLS1_3_VERSION ? "AES_128_GCM" : "AES128-GCM"));

      const std::vector<std::byte> data = pattern(100'000);
      ASSERT_TRUE(session.write(data));
      std::vector<std::byte> sent;
      session.take_output(sent);
      server.receive(sent);
      EXPECT_EQ(server.heard, data);

      server.say(data);
      const std::vector<std::byte> answer = server.take_output();
      std::vector<std::byte> got(data.size());
      std::size_t filled = 0;
      for (std::size_t at = 0; at < answer.size(); at += step) {
        session.receive(std::span(answer).subspan(at, std::min(step, answer.size() - at)));
        std::size_t size = 0;
        session.read(std::span(got).subspan(filled), size);
        filled += size;
      }
      EXPECT_EQ(filled, data.size());
      EXPECT_EQ(got, data);
      server.end();
      const std::vector<std::byte> farewell = server.take_output();
      session.receive(farewell);
      EXPECT_EQ(session.read(got, filled), Outcome::closed);
    }
  }
}

TEST(TlsSession, NeverAsksForMoreThanComes) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t record : {std::size_t{1}, std::size_t{60}, std::size_t{16384}, std::size_t{20'000}}) {
      TlsSession session(context_of(trusting(authority().certificate())), "localhost", "1");
      TlsServer server(authority().issue("broker"), {}, version);
      ASSERT_EQ(shake_hands(session, server), Outcome::done) << session.reason();
      const std::vector<std::byte> data = pattern(record * 20);
      for (std::size_t at = 0; at < data.size(); at += record) server.say(std::span(data).subspan(at, record));
      const std::vector<std::byte> sent = server.take_output();

      std::vector<std::byte> got(data.size());
      std::size_t filled = 0;
      std::size_t at = 0;
      int rounds = 0;
      while (filled < got.size()) {
        std::size_t size = 0;
        const Outcome outcome = session.read(std::span(got).subspan(filled), size);
        filled += size;
        if (outcome == Outcome::done) break;
        const std::size_t least = session.least_input(got.size() - filled);
        ASSERT_GE(least, 1U);
        ASSERT_LE(least, sent.size() - at) << version << ", records of " << record << ", after " << filled;
        session.receive(std::span(sent).subspan(at, least));
        at += least;
        ++rounds;
      }
      EXPECT_EQ(got, data);
      // What there is less than thought is the overhead of records: the smaller they are, the more of it.
      EXPECT_LE(rounds, record == 1 ? 40 : 6) << version << ", records of " << record;
    }
  }
}

TEST(TlsSession, TheCertificateMustBeMadeOutToTheHost) {
  const Identity identity =
      authority().issue("broker", {.hosts = "DNS:b1.example,DNS:*.kafka.example,IP:10.0.0.7,IP:::1"});
  for (const char* host : {"b1.example", "B1.EXAMPLE", "b9.kafka.example", "10.0.0.7", "::1"}) {
    EXPECT_EQ(refusal(identity, host), "") << host;
  }
  for (const char* host : {"b2.example", "kafka.example", "a.b.kafka.example", "10.0.0.8", "::2", "broker"}) {
    EXPECT_THAT(refusal(identity, host), AllOf(HasSubstr("certificate is refused for "), HasSubstr("mismatch")))
        << host;
    EXPECT_EQ(refusal(identity, host, false), "") << host;
  }
  EXPECT_THAT(refusal(authority().issue("10.0.0.7", {.hosts = ""}), "10.0.0.7"), HasSubstr("mismatch"));
}

TEST(TlsSession, CertificatesThatDoNotHoldAreNamed) {
  const Authority stranger("stranger");
  for (const bool check_host : {true, false}) {
    EXPECT_THAT(refusal(Authority::self_signed("broker"), "localhost", check_host),
                HasSubstr("self-signed certificate"));
    EXPECT_THAT(refusal(stranger.issue("broker"), "localhost", check_host), HasSubstr("unable to get local issuer"));
    EXPECT_THAT(
        refusal(authority().issue("broker", {.not_before_s = -7200, .not_after_s = -3600}), "localhost", check_host),
        HasSubstr("certificate has expired"));
    EXPECT_THAT(
        refusal(authority().issue("broker", {.not_before_s = 3600, .not_after_s = 7200}), "localhost", check_host),
        HasSubstr("not yet valid"));
  }
}

TEST(TlsSession, ShowsItsOwnCertificateWhereItIsAskedFor) {
  const Identity client = authority().issue("mirror", {.hosts = ""});
  TlsSettings settings = trusting(authority().certificate());
  settings.own.emplace();
  settings.own->certificates = sasl::Secret(client.certificate);
  settings.own->key = sasl::Secret(client.key);
  TlsSession session(context_of(settings), "localhost", "1");
  TlsServer server(authority().issue("broker"), authority().certificate());
  ASSERT_EQ(shake_hands(session, server), Outcome::done) << session.reason();
  EXPECT_TRUE(server.is_connected());
}

TEST(TlsSession, ABrokerThatWantsACertificateSaysSo) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSession session(context_of(trusting(authority().certificate())), "localhost", "1");
    TlsServer server(authority().issue("broker"), authority().certificate(), version);
    Outcome outcome = shake_hands(session, server);
    if (outcome == Outcome::done) {  // TLS 1.3: the client is through before the server has looked
      const std::vector<std::byte> alert = server.take_output();
      session.receive(alert);
      std::byte byte[1];
      std::size_t filled = 0;
      outcome = session.read(byte, filled);
    }
    EXPECT_EQ(outcome, Outcome::failed);
    EXPECT_THAT(session.reason(), HasSubstr("ssl.keystore.*"));
  }
}

TEST(TlsSession, WhatIsNoTlsIsNamed) {
  for (const std::string_view answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    TlsSession session(context_of({}), "localhost", "1");
    session.shake_hands();
    session.receive(std::as_bytes(std::span(answer)));
    EXPECT_EQ(session.shake_hands(), Outcome::failed);
    EXPECT_THAT(session.reason(), HasSubstr("does not answer with TLS"));
  }
}

TEST(TlsSession, WhatWasChangedOnTheWayIsRefused) {
  TlsSession session(context_of(trusting(authority().certificate())), "localhost", "1");
  TlsServer server(authority().issue("broker"));
  ASSERT_EQ(shake_hands(session, server), Outcome::done);
  server.say(pattern(1000));
  std::vector<std::byte> sent = server.take_output();
  sent.back() ^= std::byte{1};
  session.receive(sent);
  std::byte byte[1000];
  std::size_t filled = 0;
  EXPECT_EQ(session.read(byte, filled), Outcome::failed);
  EXPECT_FALSE(session.reason().empty());
  EXPECT_EQ(filled, 0u);
}

// ---- Resumption -----------------------------------------------------------------------------------------------------

/// A broker whose connections share what a server remembers: its ticket keys.
class Resumption : public ::testing::TestWithParam<int> {
 protected:
  /// One connection, with some bytes from the server, behind which its tickets have come.
  bool is_resumed(const std::shared_ptr<const TlsContext>& context, const std::string& host,
                  const std::string& address) {
    TlsSession session(context, host, address);
    TlsServer server(host_);
    outcome_ = shake_hands(session, server);
    if (outcome_ != Outcome::done) {
      reason_ = session.reason();
      return false;
    }
    server.say(pattern(10));
    const std::vector<std::byte> said = server.take_output();
    session.receive(said);
    std::byte got[10];
    std::size_t filled = 0;
    EXPECT_EQ(session.read(got, filled), Outcome::done);
    EXPECT_EQ(session.is_resumed(), server.is_resumed());
    return server.is_resumed();
  }

  const tests::TlsServerHost host_{authority().issue("broker"), {}, GetParam()};
  Outcome outcome_ = Outcome::more;
  std::string reason_;
};

TEST_P(Resumption, ABrokerIsKnownAgain) {
  const auto context = context_of(trusting(authority().certificate()));
  EXPECT_FALSE(is_resumed(context, "localhost", "127.0.0.1:1"));
  for (int again = 0; again < 3; ++again) EXPECT_TRUE(is_resumed(context, "localhost", "127.0.0.1:1")) << again;
  EXPECT_FALSE(is_resumed(context, "localhost", "127.0.0.1:2")) << "another broker";
}

TEST_P(Resumption, NoSessionOutlivesAChangeOfCertificates) {
  is_resumed(context_of(trusting(authority().certificate())), "localhost", "a");
  EXPECT_FALSE(is_resumed(context_of(trusting(authority().certificate())), "localhost", "a"));
}

TEST_P(Resumption, AnotherHostIsCheckedAnew) {
  const auto context = context_of(trusting(authority().certificate()));
  is_resumed(context, "localhost", "a");
  EXPECT_FALSE(is_resumed(context, "elsewhere", "a"));
  EXPECT_EQ(outcome_, Outcome::failed);
  EXPECT_THAT(reason_, HasSubstr("refused for elsewhere"));
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST(TlsSessions, AreFewAndOfCertificatesThatHold) {
  const auto context = context_of(trusting(authority().certificate()));
  const auto connect = [&context](const Identity& identity, const std::string& address) {
    TlsSession session(context, "localhost", address);
    TlsServer server(identity);
    ASSERT_EQ(shake_hands(session, server), Outcome::done) << session.reason();
    server.say(pattern(1));
    const std::vector<std::byte> said = server.take_output();
    session.receive(said);
    std::byte got[1];
    std::size_t filled = 0;
    session.read(got, filled);
  };
  const auto count = [&context](const std::string& peer) {
    int taken = 0;
    while (SSL_SESSION* session = context->sessions().take(peer)) {
      SSL_SESSION_free(session);
      ++taken;
    }
    return taken;
  };
  for (int i = 0; i < 10; ++i) connect(authority().issue("broker"), "a");
  EXPECT_EQ(count("localhost a"), 4);

  // A certificate that is about to expire: its session is not used any more when it has.
  connect(authority().issue("broker", {.not_after_s = 3}), "b");
  const auto begin = std::chrono::steady_clock::now();
  int left = -1;
  while (left != 0 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(30)) {
    SSL_SESSION* session = context->sessions().take("localhost b");
    left = session == nullptr ? 0 : 1;
    if (session != nullptr) context->sessions().add("localhost b", session);
    SSL_SESSION_free(session);
  }
  EXPECT_EQ(left, 0);
}

// ---- Contexts -------------------------------------------------------------------------------------------------------

std::string problem(const TlsSettings& settings) {
  std::string why;
  return TlsContext::make(settings, why) ? "" : why;
}

TEST(TlsContext, SaysWhatIsWrongWithStoresAndNothingOfWhatTheyHold) {
  const std::string path = ::testing::TempDir() + "store";
  const auto write = [&path](std::string_view text) { std::ofstream(path) << text; };
  TlsSettings settings;
  settings.trust.emplace().path = path;
  std::remove(path.c_str());
  EXPECT_THAT(problem(settings), HasSubstr("cannot be read: No such file"));
  write("nothing");
  EXPECT_THAT(problem(settings), HasSubstr("holds no certificate in PEM"));
  const std::string whole = authority().certificate();
  write(whole + whole.substr(0, whole.size() / 2));
  EXPECT_THAT(problem(settings), HasSubstr("damaged or cut off"));
  write(whole + "and something else\n");
  EXPECT_EQ(problem(settings), "");
  settings.trust->type = TlsStore::Type::pkcs12;
  EXPECT_THAT(problem(settings), HasSubstr("is no PKCS12 file"));
  write("\xfe\xed\xfe\xed and so on");
  EXPECT_THAT(problem(settings), HasSubstr("keytool -importkeystore -srckeystore " + path + " -destkeystore " + path +
                                           ".p12 -deststoretype PKCS12"));
  settings.trust.reset();

  const Identity mine = authority().issue("mirror");
  settings.own.emplace().path = path;
  write(mine.both());
  EXPECT_EQ(problem(settings), "");
  write(mine.certificate);
  EXPECT_THAT(problem(settings), HasSubstr("holds no private key in PEM"));
  write(mine.key + authority().issue("another").certificate);
  EXPECT_THAT(problem(settings), HasSubstr("is not that of its first certificate"));
  std::remove(path.c_str());
}

TEST(TlsContext, TakesCipherSuitesByTheirNamesInRfcs) {
  TlsSettings settings = trusting(authority().certificate());
  settings.cipher_suites = {"TLS_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSession session(context_of(settings), "localhost", "1");
    TlsServer server(authority().issue("broker"), {}, version);
    ASSERT_EQ(shake_hands(session, server), Outcome::done) << session.reason();
    EXPECT_THAT(server.cipher(), AnyOf(HasSubstr("AES_256_GCM"), HasSubstr("AES256-GCM")));
  }
  settings.cipher_suites = {"TLS_ROT13"};
  EXPECT_THAT(problem(settings), HasSubstr("does not know TLS_ROT13"));
}

TEST(TlsContext, SpeaksTheVersionsAllowedAndNoOther) {
  TlsSettings settings = trusting(authority().certificate());
  settings.allow_tls12 = false;
  TlsSession session(context_of(settings), "localhost", "1");
  TlsServer server(authority().issue("broker"), {}, TLS1_2_VERSION);
  Outcome outcome = shake_hands(session, server);
  EXPECT_EQ(outcome, Outcome::failed);
  EXPECT_THAT(session.reason(), HasSubstr("version"));
}

}  // namespace
}  // namespace shunt::net
