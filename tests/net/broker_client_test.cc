#include "net/broker_client.h"

#include <optional>
#include <string_view>

#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/concurrently.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/sasl_authenticate.h"
#include "protocol/messages/sasl_handshake.h"
#include "tests/support/scripted_broker.h"

namespace shunt::net {
namespace {

using protocol::DescribeProducersRequest;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using ::testing::HasSubstr;
using tests::ScriptedBroker;

class BrokerClientTest : public ::testing::Test {
 protected:
  std::shared_ptr<BrokerClient> client(const HostPort& address) {
    return std::make_shared<BrokerClient>(context.get_executor(), std::make_shared<ClientSettings>(settings),
                                          "test broker 1", address);
  }

  /// What a call of Metadata comes to: empty for success.
  std::string failure(const std::shared_ptr<BrokerClient>& asked, CallOptions options = {}) {
    std::string reason;
    tests::run(context, [&]() -> Awaitable<> {
      try {
        co_await asked->call(MetadataRequest{}, options);
      } catch (const BrokerError& error) {
        reason = error.what();
        if (error.is_final()) reason += " [final]";
      }
    });
    return reason;
  }

  void answer_metadata() {
    broker.on<MetadataRequest>([](const MetadataRequest&) {
      MetadataResponse response;
      response.cluster_id = "c1";
      return response;
    });
  }

  void say(std::string_view bytes) {
    broker.conversation = [bytes](ScriptedBroker::Socket& socket) -> Awaitable<> {
      co_await asio::async_write(socket, asio::buffer(bytes), with_error);
    };
  }

  asio::io_context context;
  ScriptedBroker broker{context};
  ClientSettings settings{.client_id = "me",
                          .connect_timeout = std::chrono::seconds(5),
                          .handshake_timeout = std::chrono::seconds(5),
                          .request_timeout = std::chrono::seconds(10),
                          .backoff_min = std::chrono::milliseconds(1),
                          .backoff_max = std::chrono::milliseconds(5)};
};

TEST_F(BrokerClientTest, CallsAreAnsweredOnOneConnection) {
  int asked = 0;
  broker.on<MetadataRequest>([&](const MetadataRequest& request) {
    ++asked;
    MetadataResponse response;
    response.topics.emplace_back().name = request.topics->at(0).name;
    return response;
  });
  const auto one = client(broker.address());
  std::vector<std::string> names = {"a", "b", "c", "d", "e", "f", "g", "h"};
  tests::run(context, [&]() -> Awaitable<> {
    co_await for_each_concurrently(names, 4, [&](const std::string& name) -> Awaitable<> {
      MetadataRequest request;
      request.topics.emplace().emplace_back().name = name;
      const MetadataResponse response = co_await one->call(request);
      EXPECT_EQ(response.topics.at(0).name, name);
    });
  });
  EXPECT_EQ(asked, 8);
  EXPECT_EQ(broker.connections(), 1);
  EXPECT_EQ(broker.requests(18), 1);
}

TEST_F(BrokerClientTest, ReconnectsAfterTheConnectionWasLost) {
  answer_metadata();
  const auto one = client(broker.address());
  EXPECT_EQ(failure(one), "");
  broker.close_connections();
  // The loss may be noticed by the next call or before it; the one after that goes over a new connection for certain.
  failure(one);
  EXPECT_EQ(failure(one), "");
  EXPECT_EQ(broker.connections(), 2);
}

TEST_F(BrokerClientTest, BacksOffWhileTheBrokerIsDownAndComesBack) {
  answer_metadata();
  const auto one = client(broker.address());
  broker.stop();
  EXPECT_THAT(failure(one), HasSubstr("TCP connect"));
  EXPECT_THAT(failure(one), HasSubstr("Connection refused"));
  broker.start();
  EXPECT_EQ(failure(one), "");
  EXPECT_FALSE(one->is_resting());
}

TEST_F(BrokerClientTest, ErrorsNameTheBrokerTheStepAndTheCause) {
  EXPECT_THAT(failure(client({"no-such-host.invalid", 9092})),
              HasSubstr("test broker 1 (no-such-host.invalid:9092): DNS: cannot resolve \"no-such-host.invalid\""));
  broker.stop();
  EXPECT_THAT(failure(client(broker.address())),
              HasSubstr("test broker 1 (" + broker.address().to_string() + "): TCP connect: 127.0.0.1:"));
}

TEST_F(BrokerClientTest, OtherServersAreRecognised) {
  say("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_THAT(failure(client(broker.address())),
              AllOf(HasSubstr("ApiVersions: the peer is an HTTP server"), HasSubstr("[final]")));
  say(std::string_view("\x15\x03\x03\x00\x02\x02\x46", 7));
  EXPECT_THAT(failure(client(broker.address())), HasSubstr("answers with TLS"));
  say("SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_THAT(failure(client(broker.address())), HasSubstr("SSH-"));
  say("");
  EXPECT_THAT(failure(client(broker.address())),
              AllOf(HasSubstr("closed instead of answering ApiVersions"), Not(HasSubstr("[final]"))));
}

TEST_F(BrokerClientTest, SilentPeersAreGivenUp) {
  settings.handshake_timeout = std::chrono::milliseconds(20);
  broker.conversation = [&](ScriptedBroker::Socket& socket) -> Awaitable<> {
    std::byte byte[1];
    while (true) {
      const auto [error, size] = co_await socket.async_read_some(asio::buffer(byte), with_error);
      if (error) co_return;
    }
  };
  EXPECT_THAT(failure(client(broker.address())), HasSubstr("ApiVersions: connected, but no answer to ApiVersions"));
}

TEST_F(BrokerClientTest, AnswersThatDoNotComeEndTheConnection) {
  answer_metadata();
  broker.ignore(MetadataRequest::api.key);
  const auto one = client(broker.address());
  EXPECT_THAT(failure(one, {.at_most_version = {}, .timeout = std::chrono::seconds(1)}),
              HasSubstr("request: Metadata: no answer to Metadata within "));
  EXPECT_FALSE(one->is_connected());
}

TEST_F(BrokerClientTest, AListenerThatHangsUpOnTheFirstRequestProbablyWantsSasl) {
  broker.on<MetadataRequest>([](const MetadataRequest&) { return std::optional<MetadataResponse>(); });
  EXPECT_THAT(failure(client(broker.address())), HasSubstr("a listener that demands SASL authentication does so"));
}

TEST_F(BrokerClientTest, VersionsNotInCommonAreNamed) {
  answer_metadata();
  broker.lists(MetadataRequest::api.key, 90, 91);
  EXPECT_THAT(failure(client(broker.address())), HasSubstr("the broker speaks 90 to 91"));
  tests::run(context, [&]() -> Awaitable<> {
    const auto one = client(broker.address());
    std::string reason;
    try {
      co_await one->call(DescribeProducersRequest{});
    } catch (const BrokerError& error) {
      reason = error.what();
    }
    EXPECT_THAT(reason, HasSubstr("does not offer DescribeProducers"));
  });
}

TEST_F(BrokerClientTest, TooLargeAndMalformedAnswersEndTheConnection) {
  settings.memory = std::make_shared<MemoryBudget>(200);
  broker.on<MetadataRequest>([](const MetadataRequest&) {
    MetadataResponse response;
    response.topics.emplace_back().name = std::string(200, 'x');
    return response;
  });
  const auto one = client(broker.address());
  EXPECT_THAT(failure(one), HasSubstr("at most 100 are accepted"));
  EXPECT_FALSE(one->is_connected());
}

TEST_F(BrokerClientTest, ThrottledConnectionsAreLeftAlone) {
  broker.on<MetadataRequest>([](const MetadataRequest&) {
    MetadataResponse response;
    response.throttle_time_ms = 60000;
    return response;
  });
  const auto one = client(broker.address());
  EXPECT_EQ(failure(one), "");
  EXPECT_THAT(failure(one), HasSubstr("throttles this client"));
  EXPECT_EQ(broker.requests(MetadataRequest::api.key), 1);
}

TEST_F(BrokerClientTest, AuthenticatesBeforeAnythingElseAndSaysWhomTheBrokerRefuses) {
  sasl::Credentials alice;
  alice.user = "alice";
  alice.password = sasl::Secret("pencil");
  settings.security.credentials = std::make_shared<CredentialsSource>(std::move(alice));
  answer_metadata();
  int metadata_before = -1;
  broker.on<protocol::SaslHandshakeRequest>([&](const protocol::SaslHandshakeRequest& request) {
    EXPECT_EQ(request.mechanism, "PLAIN");
    metadata_before = broker.requests(MetadataRequest::api.key);
    return protocol::SaslHandshakeResponse{};
  });
  protocol::SaslAuthenticateResponse response;
  broker.on<protocol::SaslAuthenticateRequest>([&](const auto&) { return response; });
  EXPECT_EQ(failure(client(broker.address())), "");
  EXPECT_EQ(metadata_before, 0);
  EXPECT_EQ(broker.requests(protocol::SaslAuthenticateRequest::api.key), 1);
  response.error_code = 58;
  EXPECT_THAT(failure(client(broker.address())),
              AllOf(HasSubstr("test broker 1 (" + broker.address().to_string() + "): SASL: PLAIN as user \"alice\": "),
                    HasSubstr("[final]")));
}

TEST_F(BrokerClientTest, CallsWaitWhileTheSessionIsRenewedAndNoneIsLost) {
  sasl::Credentials alice;
  alice.user = "alice";
  alice.password = sasl::Secret("pencil");
  settings.security.credentials = std::make_shared<CredentialsSource>(std::move(alice));
  broker.on<protocol::SaslHandshakeRequest>([](const auto&) { return protocol::SaslHandshakeResponse{}; });
  broker.on<protocol::SaslAuthenticateRequest>([](const auto&) {
    protocol::SaslAuthenticateResponse response;
    response.session_lifetime_ms = 1;  // the soonest there is: after a second
    return response;
  });
  int asked = 0;
  broker.on<MetadataRequest>([&](const MetadataRequest& request) {
    ++asked;
    MetadataResponse response;
    response.topics.emplace_back().name = request.topics->at(0).name;
    return response;
  });
  const auto one = client(broker.address());
  const int renewals = 3;
  std::vector<std::string> callers = {"a", "b", "c", "d"};
  int answered = 0;
  tests::run(context, [&]() -> Awaitable<> {
    co_await for_each_concurrently(callers, 4, [&](const std::string& name) -> Awaitable<> {
      while (broker.requests(protocol::SaslAuthenticateRequest::api.key) < 1 + renewals) {
        MetadataRequest request;
        request.topics.emplace().emplace_back().name = name;
        const MetadataResponse response = co_await one->call(request);
        EXPECT_EQ(response.topics.at(0).name, name);
        ++answered;
      }
    });
  });
  EXPECT_EQ(asked, answered);
  EXPECT_EQ(broker.connections(), 1);
  EXPECT_EQ(broker.requests(protocol::ApiVersionsRequest::api.key), 1);
}

TEST_F(BrokerClientTest, ClosingFailsWhatIsUnderWay) {
  answer_metadata();
  broker.ignore(MetadataRequest::api.key);
  const auto one = client(broker.address());
  asio::steady_timer soon(context, std::chrono::milliseconds(1));
  std::function<void(boost::system::error_code)> close = [&](boost::system::error_code) {
    if (broker.requests(MetadataRequest::api.key) == 1) {
      one->close();
    } else {
      soon.expires_after(std::chrono::milliseconds(1));
      soon.async_wait(close);
    }
  };
  soon.async_wait(close);
  EXPECT_THAT(failure(one), HasSubstr("closed by shunt"));
  EXPECT_THAT(failure(one), HasSubstr("closed by shunt"));
}

TEST(HostPort, PrintsAsUsersWriteIt) {
  EXPECT_EQ((HostPort{"b3", 9092}).to_string(), "b3:9092");
  EXPECT_EQ((HostPort{"::1", 9092}).to_string(), "[::1]:9092");
}

}  // namespace
}  // namespace shunt::net
