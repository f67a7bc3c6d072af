// Connections that are made, refused and closed.
#include <algorithm>
#include <thread>

#include <gmock/gmock.h>

#include "tests/net/loop_fixture.h"

namespace shunt::net {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using StreamLifeTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(EveryLoop, StreamLifeTest, every_loop, loop_case_name);

TEST_P(StreamLifeTest, ConnectsOverIPv6) {
  std::optional<Listener> listener;
  try {
    listener.emplace("::1");
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
  Recorder& recorder = connect(*listener);
  const PeerSocket peer = listener->accept();
  peer.write("v6");
  std::vector<std::byte> buffer(2);
  recorder.stream->receive(buffer, 2);
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(2, 0)));
}

TEST_P(StreamLifeTest, ARefusedConnectionSaysSo) {
  std::optional<Listener> listener(std::in_place);
  const Endpoint nobody = listener->endpoint();
  listener.reset();
  Recorder& recorder = make_recorder();
  recorder.stream->connect(nobody);
  run_until([&] { return recorder.connected.has_value(); });
  EXPECT_EQ(recorder.connected, ECONNREFUSED);
}

TEST_P(StreamLifeTest, AnAddressFamilyTheSystemLacksIsAnError) {
  Endpoint strange;
  strange.address.ss_family = AF_MAX;
  strange.length = sizeof(sockaddr_in);
  Recorder& recorder = make_recorder();
  recorder.stream->connect(strange);
  run_until([&] { return recorder.connected.has_value(); });
  EXPECT_EQ(recorder.connected, EAFNOSUPPORT);
}

TEST_P(StreamLifeTest, ManyConnectBeforeTheLoopRuns) {
  constexpr int count = 400;  // more than a ring's queue holds
  const Listener listener;
  for (int i = 0; i < count; ++i) make_recorder().stream->connect(listener.endpoint());
  run_until(
      [&] { return std::ranges::all_of(recorders_, [](const auto& recorder) { return recorder->connected == 0; }); });
}

TEST_P(StreamLifeTest, ClosesBeforeItConnects) {
  Recorder& recorder = make_recorder();
  recorder.stream->close();
  recorder.stream->close();
  EXPECT_EQ(recorder.closed, 0);
  run_until([&] { return recorder.closed > 0; });
  run_rounds();
  EXPECT_EQ(recorder.closed, 1);
}

TEST_P(StreamLifeTest, ClosesWhileItConnects) {
  // A queue that is full leaves the connection in the making.
  const Listener listener("127.0.0.1", 0);
  Recorder& first = connect(listener);
  std::vector<Recorder*> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(&make_recorder());
    waiting.back()->stream->connect(listener.endpoint());
  }
  run_rounds();
  EXPECT_FALSE(waiting.back()->connected.has_value());
  for (Recorder* recorder : waiting) recorder->stream->close();
  const bool connected_before = waiting.back()->connected.has_value();
  run_until([&] { return std::ranges::all_of(waiting, [](const Recorder* each) { return each->closed > 0; }); });
  EXPECT_EQ(waiting.back()->connected.has_value(), connected_before);
  EXPECT_EQ(first.closed, 0);
}

TEST_P(StreamLifeTest, ClosesInTheSameRoundAsItConnects) {
  const Listener listener;
  Recorder& recorder = make_recorder();
  recorder.stream->connect(listener.endpoint());
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  EXPECT_FALSE(recorder.connected.has_value());
}

TEST_P(StreamLifeTest, ClosesWithEverythingUnderWay) {
  use(small_buffers(64 * 1024));
  const Listener listener("127.0.0.1", 8, 16 * 1024);
  for (const bool let_it_begin : {true, false}) {
    Recorder& recorder = connect(listener);
    const PeerSocket peer = listener.accept();
    auto out = std::make_unique<std::vector<std::byte>>(pattern(std::size_t{16} << 20));
    auto in = std::make_unique<std::vector<std::byte>>(1 << 20);
    const iovec piece{.iov_base = out->data(), .iov_len = out->size()};
    recorder.stream->send({&piece, 1});
    recorder.stream->receive(*in, in->size());
    if (let_it_begin) {
      peer.write(pattern(1000));
      run_rounds();
    }
    recorder.stream->close();
    recorder.when_closed = [&] {
      // Both buffers are ours again: the kernel must neither see nor undo what happens to them from here on.
      recorder.stream.reset();
      std::ranges::fill(*out, std::byte{0});
      std::ranges::fill(*in, std::byte{0x55});
    };
    run_until([&] { return recorder.closed > 0; });
    peer.write(pattern(100'000));
    const auto arrived = peer.read(out->size());
    EXPECT_LT(arrived.size(), out->size());
    const auto expected = pattern(arrived.size());
    EXPECT_EQ(arrived, expected);
    run_rounds();
    EXPECT_TRUE(std::ranges::all_of(*in, [](std::byte byte) { return byte == std::byte{0x55}; }));
    EXPECT_TRUE(recorder.received.empty());
    EXPECT_TRUE(recorder.sent.empty());
  }
}

TEST_P(StreamLifeTest, NothingIsToldAfterClose) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  const iovec piece{.iov_base = const_cast<char*>("abc"), .iov_len = 3};
  std::vector<std::byte> buffer(3);
  recorder.stream->receive(buffer, 3);
  run_rounds();
  peer.write("abc");
  recorder.stream->send({&piece, 1});  // may be done already, and not told yet
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  run_rounds();
  EXPECT_TRUE(recorder.sent.empty());
  EXPECT_TRUE(recorder.received.empty());
  EXPECT_EQ(recorder.closed, 1);
}

TEST_P(StreamLifeTest, OneMayCloseAnotherInACallback) {
  const Listener listener;
  Recorder& first = connect(listener);
  const PeerSocket first_peer = listener.accept();
  Recorder& second = connect(listener);
  const PeerSocket second_peer = listener.accept();
  std::vector<std::byte> buffers(2);
  first.stream->receive(std::span(buffers).subspan(0, 1), 1);
  second.stream->receive(std::span(buffers).subspan(1, 1), 1);
  const auto close_both = [&](std::size_t, int) {
    first.stream->close();
    second.stream->close();
  };
  first.when_received = second.when_received = close_both;
  first_peer.write("1");
  second_peer.write("2");
  run_until([&] { return first.closed > 0 && second.closed > 0; });
  EXPECT_EQ(first.received.size() + second.received.size(), 1U);
}

TEST_P(StreamLifeTest, ACloseResetsTheConnection) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  recorder.stream->close();
  run_until([&] { return recorder.closed > 0; });
  char byte = 0;
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

}  // namespace
}  // namespace shunt::net
