// TLS on every event loop, against OpenSSL's server over a plain socket.
#include "net/tls_stream.h"

#include <algorithm>
#include <atomic>
#include <semaphore>
#include <thread>

#include <gmock/gmock.h>

#include "tests/net/loop_fixture.h"
#include "tests/support/tls_server.h"

namespace shunt::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class TlsStreamTest : public LoopTest {
 protected:
  Recorder& connect_tls(const std::string& host = "127.0.0.1") {
    TlsSettings settings;
    settings.trust.emplace().certificates = sasl::Secret(authority_.certificate());
    std::string why;
    Recorder& recorder = make_recorder();
    StreamEvents& events = recorder;
    recorder.stream = std::make_unique<TlsStream>(*loop_, events, TlsContext::make(settings, why), host, "");
    recorder.stream->connect(listener_.endpoint());
    run_rounds(1);  // the connection is under way: a peer may wait for it
    return recorder;
  }

  /// The peer's thread: answers the handshake, and hands over.
  std::thread serve(std::function<void(PeerSocket&, tests::TlsServer&)> talk) {
    return std::thread([this, talk = std::move(talk)] {
      PeerSocket peer = listener_.accept();
      tests::TlsServer server(identity_);
      while (!server.is_connected()) {
        if (!hear(peer, server)) return;
        peer.write(server.take_output());
      }
      talk(peer, server);
    });
  }

  /// Takes what has come, one byte at least. False: the client has gone.
  static bool hear(const PeerSocket& peer, tests::TlsServer& server) {
    std::byte buffer[65536];
    const ssize_t size = ::recv(peer.fd(), buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    server.receive(std::span(buffer).first(static_cast<std::size_t>(size)));
    return true;
  }

  tests::Authority authority_;
  tests::Identity identity_ = authority_.issue("broker");
  Listener listener_;
};
INSTANTIATE_TEST_SUITE_P(EveryLoop, TlsStreamTest, every_loop, loop_case_name);

TEST_P(TlsStreamTest, CarriesMegabytesBothWays) {
  const std::vector<std::byte> data = pattern(5'000'003);
  std::vector<std::byte> heard;
  std::thread peer = serve([&](PeerSocket& socket, tests::TlsServer& server) {
    while (server.heard.size() < data.size() && hear(socket, server)) {
    }
    heard = server.heard;
    server.say(heard);
    socket.write(server.take_output());
  });
  Recorder& recorder = connect_tls();
  run_until([&] { return recorder.connected.has_value(); });
  ASSERT_EQ(recorder.connected, 0) << recorder.stream->explain(*recorder.connected);

  // Pieces of every kind: heads and payloads, as in Produce requests, and some far beyond a record.
  std::vector<iovec> pieces;
  std::size_t at = 0;
  for (std::size_t i = 0; at < data.size(); ++i) {
    constexpr std::size_t sizes[] = {120, 61, 40'000, 61, 16'384, 1, 700'000, 61, 900};
    const std::size_t size = std::min(sizes[i % std::size(sizes)], data.size() - at);
    pieces.push_back({.iov_base = const_cast<std::byte*>(data.data()) + at, .iov_len = size});
    at += size;
  }
  recorder.stream->send(pieces);
  run_until([&] { return !recorder.sent.empty(); });
  EXPECT_THAT(recorder.sent, ElementsAre(0));

  // Whole chunks, exactly as much as is there: no wake-up may wait for bytes that do not come.
  std::vector<std::byte> got(data.size());
  std::size_t filled = 0;
  while (filled < got.size()) {
    const std::size_t chunk = std::min<std::size_t>(1 << 20, got.size() - filled);
    recorder.received.clear();
    recorder.stream->receive(std::span(got).subspan(filled, chunk), chunk);
    run_until([&] { return !recorder.received.empty(); });
    ASSERT_THAT(recorder.received, ElementsAre(Pair(chunk, 0)));
    filled += chunk;
  }
  EXPECT_EQ(got, data);
  peer.join();
  EXPECT_EQ(heard, data);
}

TEST_P(TlsStreamTest, WhatIsThereAlreadyIsDeliveredWithoutTheSocket) {
  std::thread peer = serve([](PeerSocket& socket, tests::TlsServer& server) {
    server.say(pattern(1000));
    socket.write(server.take_output());
    hear(socket, server);
  });
  Recorder& recorder = connect_tls();
  std::vector<std::byte> got(1000);
  run_until([&] { return recorder.connected.has_value(); });
  for (std::size_t at = 0; at < got.size(); at += 100) {
    recorder.received.clear();
    recorder.stream->receive(std::span(got).subspan(at, 100), 1);
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(100, 0)));
  }
  EXPECT_EQ(got, pattern(1000));
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  peer.join();
}

TEST_P(TlsStreamTest, IsNotWokenForEverySmallRecord) {
  constexpr std::size_t answers = 60;
  constexpr std::size_t answer_bytes = 70;
  std::counting_semaphore<> next(0);
  std::atomic<std::size_t> said = 0;
  std::thread peer = serve([&](PeerSocket& socket, tests::TlsServer& server) {
    for (std::size_t i = 0; i < answers; ++i) {
      next.acquire();
      server.say(pattern(answer_bytes, i));
      socket.write(server.take_output());
      ++said;
      said.notify_one();
    }
    hear(socket, server);
  });
  Recorder& recorder = connect_tls();
  run_until([&] { return recorder.connected.has_value(); });
  std::vector<std::byte> got(answers * answer_bytes);
  recorder.stream->receive(got, got.size());
  run_rounds();
  const std::uint64_t before = loop_->counters().receive_calls;
  const Time began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < answers; ++i) {
    next.release();
    said.wait(i);
    run_rounds();
  }
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(got.size(), 0)));
  // After a silence of 100 ms it looks at what has come.
  const auto looks =
      static_cast<std::size_t>((std::chrono::steady_clock::now() - began) / std::chrono::milliseconds(100));
  EXPECT_LT(loop_->counters().receive_calls - before, answers / 4 + looks);
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  peer.join();
}

TEST_P(TlsStreamTest, AtLeastMayBeLoweredBelowWhatIsThere) {
  std::thread peer = serve([](PeerSocket& socket, tests::TlsServer& server) {
    server.say(pattern(500));
    socket.write(server.take_output());
    hear(socket, server);
  });
  Recorder& recorder = connect_tls();
  run_until([&] { return recorder.connected.has_value(); });
  std::vector<std::byte> got(1000);
  recorder.stream->receive(got, 1000);
  run_rounds();
  recorder.stream->set_at_least(500);
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(500, 0)));
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  peer.join();
}

// Less than what is waited for, and the connection stays open.
TEST_P(TlsStreamTest, AnEndIsAnEndAndGarbageIsNamed) {
  for (const bool orderly : {true, false}) {
    std::thread peer = serve([orderly](PeerSocket& socket, tests::TlsServer& server) {
      server.say(pattern(100));
      if (orderly) server.end();
      socket.write(server.take_output());
      if (!orderly) socket.write("what is this?");
      hear(socket, server);
    });
    Recorder& recorder = connect_tls();
    run_until([&] { return recorder.connected.has_value(); });
    std::vector<std::byte> got(1000);
    recorder.stream->receive(got, 1000);
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(100, orderly ? ECONNRESET : EPROTO)));
    if (!orderly) {
      EXPECT_THAT(recorder.stream->explain(EPROTO), HasSubstr("TLS: "));
    }
    recorder.stream->close();
    run_until([&] { return recorder.closed > 0; });
    peer.join();
  }
}

TEST_P(TlsStreamTest, RefusedCertificatesAndOtherServersAreNamed) {
  std::string alert;
  std::thread peer([&] {
    const PeerSocket socket = listener_.accept();
    tests::TlsServer server(identity_);
    while (hear(socket, server)) {
      if (const auto answer = server.take_output(); !answer.empty()) socket.write(answer);
    }
    alert = server.problem;
  });
  Recorder& elsewhere = connect_tls("10.1.2.3");
  run_until([&] { return elsewhere.connected.has_value(); });
  ASSERT_EQ(elsewhere.connected, EPROTO);
  EXPECT_THAT(elsewhere.stream->explain(EPROTO), HasSubstr("TLS: the broker's certificate is refused for 10.1.2.3"));
  elsewhere.stream->close();
  run_until([&] { return elsewhere.closed > 0; });
  elsewhere.stream.reset();  // and with it the socket: the peer waits for its end
  peer.join();
  EXPECT_THAT(alert, HasSubstr("alert bad certificate"));

  Recorder& hung_up = connect_tls();
  listener_.accept().close();
  run_until([&] { return hung_up.connected.has_value(); });
  ASSERT_EQ(hung_up.connected, EPROTO);
  EXPECT_THAT(hung_up.stream->explain(EPROTO), HasSubstr("a listener without TLS does so"));

  Recorder& http = connect_tls();
  const PeerSocket server = listener_.accept();
  server.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  run_until([&] { return http.connected.has_value(); });
  ASSERT_EQ(http.connected, EPROTO);
  EXPECT_THAT(http.stream->explain(EPROTO), HasSubstr("does not answer with TLS"));
}

TEST_P(TlsStreamTest, ASessionIsResumed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const tests::TlsServerHost host(identity_, {}, version);
    TlsSettings settings;
    settings.trust.emplace().certificates = sasl::Secret(authority_.certificate());
    std::string why;
    const auto context = TlsContext::make(settings, why);
    for (const bool is_resumed : {false, true, true}) {
      bool server_resumed = false;
      std::thread peer([&] {
        const PeerSocket socket = listener_.accept();
        tests::TlsServer server(host);
        while (!server.is_connected() && hear(socket, server)) {
          if (const auto answer = server.take_output(); !answer.empty()) socket.write(answer);
        }
        server_resumed = server.is_resumed();
        server.say(pattern(100));
        socket.write(server.take_output());
        hear(socket, server);
      });
      Recorder& recorder = make_recorder();
      StreamEvents& events = recorder;
      recorder.stream = std::make_unique<TlsStream>(*loop_, events, context, "127.0.0.1", "a");
      recorder.stream->connect(listener_.endpoint());
      run_until([&] { return recorder.connected.has_value(); });
      EXPECT_EQ(recorder.connected, 0) << recorder.stream->explain(*recorder.connected);
      std::vector<std::byte> got(100);
      recorder.stream->receive(got, 100);
      run_until([&] { return !recorder.received.empty(); });
      recorder.stream->close();
      run_until([&] { return recorder.closed > 0; });
      recorder.stream.reset();
      peer.join();
      EXPECT_EQ(server_resumed, is_resumed) << version;
    }
  }
}

}  // namespace
}  // namespace shunt::net
