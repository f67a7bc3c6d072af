#include "replicate/metrics/server.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using boost::asio::ip::tcp;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class MetricsServerTest : public ::testing::Test {
 protected:
  MetricsServerTest() {
    address = server->address();
    port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  }
  void serve() {
    server->serve([this] { return status; });
  }
  /// Everything the server says to these bytes, until it closes.
  std::string talk(const std::string& bytes) const {
    tcp::socket socket = connected();
    boost::system::error_code error;  // it may close before all is written
    boost::asio::write(socket, boost::asio::buffer(bytes), error);
    return rest_of(socket);
  }
  std::string request(const std::string& method, const std::string& target) const {
    return talk(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  tcp::socket connected() const {
    tcp::socket socket(context);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    return socket;
  }
  static std::string rest_of(tcp::socket& socket) {
    std::string text;
    boost::system::error_code error;
    boost::asio::read(socket, boost::asio::dynamic_buffer(text), error);
    return text;
  }

  mutable boost::asio::io_context context;
  MirrorStatus status;
  std::unique_ptr<MetricsServer> server = std::make_unique<MetricsServer>(net::HostPort{"127.0.0.1", 0}, "1.2.3");
  std::string address;
  std::uint16_t port = 0;
};

TEST_F(MetricsServerTest, ServesMetrics) {
  serve();
  for (const char* target : {"/metrics", "/metrics?name=x"}) {
    EXPECT_THAT(request("GET", target), AllOf(StartsWith("HTTP/1.1 200 "),
                                              HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                                              HasSubstr("\nshunt_build_info{version=\"1.2.3\"} 1\n")));
  }
}

TEST_F(MetricsServerTest, HealthTurnsWhenAPartitionFails) {
  status.partitions.emplace_back().flow = "A->B";
  status.partitions[0].source_topic = "orders";
  serve();
  EXPECT_THAT(request("GET", "/healthz"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\n\r\nok\n")));
  server.reset();  // the status is the server's thread's while it serves
  status.partitions[0].state = PartitionState::failed;
  status.partitions[0].reason = "others have written";
  server = std::make_unique<MetricsServer>(net::HostPort{"127.0.0.1", port}, "1.2.3");
  serve();
  EXPECT_THAT(request("GET", "/healthz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\r\n\r\nA->B orders-0: others have written\n")));
}

TEST_F(MetricsServerTest, RefusesWhatItDoesNotServe) {
  serve();
  EXPECT_THAT(request("GET", "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(request("GET", "/metrics/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(request("DELETE", "/metrics"), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(MetricsServerTest, HeadHasTheLengthButNoBody) {
  serve();
  EXPECT_THAT(request("HEAD", "/healthz"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 3\r\n"), ::testing::EndsWith("\r\n\r\n")));
}

TEST_F(MetricsServerTest, KeepsAConnectionThatWishesSo) {
  serve();
  EXPECT_THAT(talk("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("HTTP/1.1 404 ")));
}

TEST_F(MetricsServerTest, ClosesOnRequestsThatAreTooLargeOrNone) {
  serve();
  EXPECT_EQ(talk("GET /metrics HTTP/1.1\r\nX: " + std::string(65536, 'x') + "\r\n\r\n"), "");
  EXPECT_EQ(talk("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"), "");
  EXPECT_EQ(talk(std::string("\x16\x03\x01\x00\x05hello\r\n\r\n", 14)), "");
  EXPECT_THAT(request("GET", "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, WhoComesBeforeItServesIsAnsweredThen) {
  tcp::socket early = connected();
  boost::asio::write(early, boost::asio::buffer(std::string("GET /healthz HTTP/1.0\r\n\r\n")));
  serve();
  EXPECT_THAT(rest_of(early), StartsWith("HTTP/1.0 200 "));
}

TEST_F(MetricsServerTest, TurnsAwayMoreConnectionsThanItHasPlacesFor) {
  serve();
  std::vector<tcp::socket> idle;
  constexpr int places = 32;
  for (int i = 0; i < places; ++i) {
    idle.push_back(connected());
    boost::asio::write(idle.back(), boost::asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")));
    char first = 0;  // it has its place
    boost::asio::read(idle.back(), boost::asio::buffer(&first, 1));
  }
  EXPECT_THAT(request("GET", "/healthz"), Not(HasSubstr("HTTP")));
  idle.clear();
  std::string answer;
  for (int attempt = 0; attempt < 10'000 && answer.empty(); ++attempt) answer = request("GET", "/healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, AnAddressThatIsTakenIsAnErrorThatSaysWhichSetting) {
  try {
    const MetricsServer second(net::HostPort{"127.0.0.1", port}, "x");
    FAIL() << "two servers listen on " << address;
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("shunt.metrics.listen"), HasSubstr(address), HasSubstr("in use")));
  }
}

TEST_F(MetricsServerTest, EndsWithoutHavingServed) {
  server.reset();
  SUCCEED();
}

}  // namespace
}  // namespace shunt::replicate
