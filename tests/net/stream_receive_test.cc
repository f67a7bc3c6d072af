#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "tests/net/loop_fixture.h"

namespace shunt::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

using StreamReceiveTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(EveryLoop, StreamReceiveTest, every_loop, loop_case_name);

TEST_P(StreamReceiveTest, EchoesWhatComes) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(1000);
  iovec piece{};
  recorder.when_received = [&](std::size_t size, int error) {
    if (error != 0) return;
    piece = {.iov_base = buffer.data(), .iov_len = size};
    recorder.stream->send({&piece, 1});
  };
  recorder.when_sent = [&](int error) {
    ASSERT_EQ(error, 0);
    recorder.stream->receive(buffer, 1);
  };
  recorder.stream->receive(buffer, 1);
  for (std::size_t round = 1; round <= 50; ++round) {
    const auto bytes = pattern(round * 20, round);
    peer.write(bytes);
    run_until([&] { return recorder.sent.size() >= round; });
    EXPECT_EQ(peer.read(bytes.size()), bytes);
  }
}

TEST_P(StreamReceiveTest, DoesNotWakeForFewerThanAtLeast) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(100);
  for (int repetition = 0; repetition < 3; ++repetition) {
    recorder.received.clear();
    recorder.stream->receive(buffer, 10);
    peer.write("123456789");
    run_rounds();
    EXPECT_TRUE(recorder.received.empty());
    peer.write("0abc");
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(13, 0)));
    EXPECT_EQ(std::memcmp(buffer.data(), "1234567890abc", 13), 0);
  }
}

TEST_P(StreamReceiveTest, TakesWhatCameBeforeItWasAsked) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  peer.write("abcdefghij");
  run_rounds();  // the loop hears of it while nothing is to be received
  std::vector<std::byte> buffer(4);
  for (int part = 0; part < 2; ++part) {
    recorder.received.clear();
    recorder.stream->receive(buffer, 4);
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(4, 0)));
  }
  recorder.received.clear();
  recorder.stream->receive(buffer, 4);
  run_rounds();
  EXPECT_TRUE(recorder.received.empty());
  peer.write("kl");
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_EQ(std::memcmp(buffer.data(), "ijkl", 4), 0);
}

TEST_P(StreamReceiveTest, LoweringAtLeastCompletesWithWhatIsThere) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(100);
  for (int repetition = 0; repetition < 3; ++repetition) {
    recorder.received.clear();
    recorder.stream->receive(buffer, 50);
    peer.write("twelve bytes");
    run_rounds();
    EXPECT_TRUE(recorder.received.empty());
    recorder.stream->set_at_least(20);
    run_rounds();
    EXPECT_TRUE(recorder.received.empty());
    recorder.stream->set_at_least(5);
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(12, 0)));
  }
  recorder.stream->set_at_least(1);  // nothing is under way: nothing happens
  run_rounds();
  EXPECT_EQ(recorder.received.size(), 1U);
}

TEST_P(StreamReceiveTest, RaisingAtLeastHoldsBack) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(100);
  recorder.stream->receive(buffer, 1);
  run_rounds();
  recorder.stream->set_at_least(8);
  peer.write("abcd");
  run_rounds();
  EXPECT_TRUE(recorder.received.empty());
  peer.write("efgh");
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(8, 0)));
}

// Where `at_least` is more than the socket can hold, the loop reads in rounds and has part of it in the buffer already:
// lowered below that, it must complete though nothing more comes.
TEST_P(StreamReceiveTest, LoweringAtLeastBelowWhatWasReadCompletes) {
  use(small_buffers(64 * 1024));
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(std::size_t{8} << 20);
  recorder.stream->receive(buffer, buffer.size());
  const auto bytes = pattern(1 << 20);
  std::thread writer([&] { peer.write(bytes); });
  run_until([&] { return peer.unacknowledged() == 0 && loop_->counters().receive_calls > 2; });
  writer.join();
  run_until([&] { return peer.unacknowledged() == 0; });
  run_rounds();
  ASSERT_TRUE(recorder.received.empty());
  recorder.stream->set_at_least(1000);
  run_until([&] { return !recorder.received.empty(); });
  const auto [size, error] = recorder.received.front();
  EXPECT_EQ(error, 0);
  EXPECT_GE(size, 1000U);
  // What is left in the socket comes with the next one.
  std::size_t total = size;
  while (total < bytes.size()) {
    recorder.received.clear();
    recorder.stream->receive(std::span(buffer).subspan(total), 1);
    run_until([&] { return !recorder.received.empty(); });
    ASSERT_EQ(recorder.received.front().second, 0);
    total += recorder.received.front().first;
  }
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), buffer.begin()));
}

// A source that sends on while its target is full must not cost a wake-up for every segment.
TEST_P(StreamReceiveTest, BytesThatNobodyWantsYetDoNotWakeTheLoop) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  run_rounds();
  const std::uint64_t waits = loop_->counters().waits;
  constexpr int pieces = 20;
  std::atomic<bool> written = false;
  std::thread writer([&] {
    for (int i = 0; i < pieces; ++i) {
      peer.write("abcd");
      while (peer.unacknowledged() > 0) std::this_thread::yield();
    }
    written = true;
    loop_->wake();
  });
  while (!written) run(loop_->now() + 10s);
  writer.join();
  EXPECT_LE(loop_->counters().waits - waits, 4U);

  std::vector<std::byte> buffer(std::size_t{pieces} * 4 + 4);
  recorder.stream->receive(buffer, buffer.size());
  run_rounds();
  EXPECT_TRUE(recorder.received.empty());
  peer.write("last");
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(buffer.size(), 0)));
}

class StreamReceiveBufferTest : public LoopTest {};
INSTANTIATE_TEST_SUITE_P(EveryLoop, StreamReceiveBufferTest, every_loop, loop_case_name);

TEST_P(StreamReceiveBufferTest, AtLeastMayExceedWhatTheKernelHolds) {
  for (const int socket_buffer_bytes : {0, 16 * 1024, 256 * 1024}) {
    use(small_buffers(socket_buffer_bytes));
    const Listener listener;
    Recorder& recorder = connect(listener);
    const PeerSocket peer = listener.accept();
    const auto bytes = pattern(std::size_t{20} << 20);
    std::thread writer([&] { peer.write(bytes); });
    std::vector<std::byte> buffer(bytes.size());
    std::size_t total = 0;
    for (const std::size_t at_least : {std::size_t{8} << 20, std::size_t{8} << 20, std::size_t{4} << 20}) {
      recorder.received.clear();
      recorder.stream->receive(std::span(buffer).subspan(total, at_least), at_least);
      run_until([&] { return !recorder.received.empty(); });
      EXPECT_THAT(recorder.received, ElementsAre(Pair(at_least, 0)));
      total += at_least;
    }
    writer.join();
    EXPECT_EQ(buffer, bytes);
    recorder.stream->close();
    run_until([&] { return recorder.closed > 0; });
    recorders_.clear();
  }
}

// The socket fills up while nobody asks, so the event that told of it is spent; `at_least` stays the same and is more
// than the socket holds.
TEST_P(StreamReceiveBufferTest, AFullSocketIsReadThoughItHoldsLessThanAtLeast) {
  use(small_buffers(32 * 1024));
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  const auto bytes = pattern(std::size_t{4} << 20);
  std::thread writer([&] { peer.write(bytes); });
  std::vector<std::byte> buffer(bytes.size());
  constexpr std::size_t at_least = 512 * 1024;
  for (std::size_t total = 0; total < bytes.size(); total += at_least) {
    run_rounds(50);
    recorder.received.clear();
    recorder.stream->receive(std::span(buffer).subspan(total, at_least), at_least);
    run_until([&] { return !recorder.received.empty(); });
    EXPECT_THAT(recorder.received, ElementsAre(Pair(at_least, 0)));
  }
  writer.join();
  EXPECT_EQ(buffer, bytes);
}

// ---- Ends -----------------------------------------------------------------------------------------------------------

TEST_P(StreamReceiveTest, AnEndBeforeAtLeastIsAnErrorWithTheBytesThatCame) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(100);
  recorder.stream->receive(buffer, 50);
  peer.write("rest");
  run_rounds();
  peer.end_sending();
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(4, ECONNRESET)));
}

TEST_P(StreamReceiveTest, AHalfOpenConnectionStillSends) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  peer.write("last");
  peer.end_sending();
  run_rounds();
  std::vector<std::byte> buffer(100);
  recorder.stream->receive(buffer, 4);
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(4, 0)));
  recorder.stream->receive(buffer, 1);
  run_until([&] { return recorder.received.size() == 2; });
  EXPECT_EQ(recorder.received.back(), std::pair(std::size_t{0}, ECONNRESET));

  const auto bytes = pattern(100'000);
  const iovec piece{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  recorder.stream->send({&piece, 1});
  run_until([&] { return !recorder.sent.empty(); });
  EXPECT_THAT(recorder.sent, ElementsAre(0));
  EXPECT_EQ(peer.read(bytes.size()), bytes);
}

TEST_P(StreamReceiveTest, APeersResetEndsTheReceive) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  PeerSocket peer = listener.accept();
  std::vector<std::byte> buffer(100);
  recorder.stream->receive(buffer, 50);
  run_rounds();
  peer.reset();
  run_until([&] { return !recorder.received.empty(); });
  EXPECT_THAT(recorder.received, ElementsAre(Pair(0, ECONNRESET)));
}

TEST_P(StreamReceiveTest, APeerThatSpeaksAndEndsBeforeWeLookIsHeard) {
  const Listener listener;
  for (const std::string_view farewell : {"", "x", "no room here"}) {
    Recorder& recorder = make_recorder();
    recorder.stream->connect(listener.endpoint());
    if (GetParam().kind == IoKind::io_uring) run(loop_->now());  // only now the kernel hears of it
    PeerSocket peer = listener.accept();
    peer.write(farewell);
    peer.close();
    run_until([&] { return recorder.connected.has_value(); });
    ASSERT_EQ(recorder.connected, 0);
    std::vector<std::byte> buffer(100);
    recorder.stream->receive(buffer, 1);
    run_until([&] { return !recorder.received.empty(); });
    if (!farewell.empty()) {
      EXPECT_EQ(recorder.received.front(), std::pair(farewell.size(), 0));
      recorder.stream->receive(buffer, 1);
      run_until([&] { return recorder.received.size() == 2; });
    }
    EXPECT_EQ(recorder.received.back(), std::pair(std::size_t{0}, ECONNRESET));
  }
}

}  // namespace
}  // namespace shunt::net
