#include <climits>
#include <future>
#include <numeric>
#include <thread>

#include <gmock/gmock.h>

#include "net/socket.h"
#include "tests/net/loop_fixture.h"

namespace shunt::net {
namespace {

using ::testing::ElementsAre;

using StreamSendTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(EveryLoop, StreamSendTest, every_loop, loop_case_name);

/// `bytes` cut into `count` pieces of uneven sizes, some of them empty.
std::vector<iovec> cut(std::span<const std::byte> bytes, std::size_t count) {
  std::vector<iovec> pieces;
  const std::size_t typical = bytes.size() / count;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t size = i % 7 == 0 ? 0 : i % 5 == 0 ? 1 : i % 2 == 0 ? typical / 2 : typical + typical / 4;
    if (i + 1 == count || size > bytes.size() - begin) size = bytes.size() - begin;
    pieces.push_back({.iov_base = const_cast<std::byte*>(bytes.data()) + begin, .iov_len = size});
    begin += size;
  }
  return pieces;
}

TEST(SocketTest, ABufferIsGrantedWholeOrNotAtAll) {
  for (const int option : {SO_RCVBUF, SO_SNDBUF}) {
    EXPECT_EQ(buffer_bytes_if_granted(option, 16 * 1024), 16 * 1024);
    EXPECT_EQ(buffer_bytes_if_granted(option, INT_MAX), 0);
  }
}

TEST_P(StreamSendTest, SendsManyPiecesInOrder) {
  for (const int socket_buffer_bytes : {0, 8 * 1024}) {
    use(small_buffers(socket_buffer_bytes));
    const Listener listener("127.0.0.1", 8, 16 * 1024);
    Recorder& recorder = connect(listener);
    const PeerSocket peer = listener.accept();
    const auto bytes = pattern(std::size_t{6} << 20);
    const auto pieces = cut(bytes, 5000);
    auto arrived = std::async(std::launch::async, [&] { return peer.read(bytes.size()); });
    recorder.stream->send(pieces);
    run_until([&] { return !recorder.sent.empty(); });
    EXPECT_THAT(recorder.sent, ElementsAre(0));
    EXPECT_EQ(arrived.get(), bytes);
    recorder.stream->close();
    run_until([&] { return recorder.closed > 0; });
    recorders_.clear();
  }
}

TEST_P(StreamSendTest, WaitsForAPeerThatReadsLate) {
  use(small_buffers(16 * 1024));
  const Listener listener("127.0.0.1", 8, 16 * 1024);
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  const auto bytes = pattern(1 << 20);
  const auto pieces = cut(bytes, 40);
  recorder.stream->send(pieces);
  run_rounds();
  EXPECT_TRUE(recorder.sent.empty());
  auto arrived = std::async(std::launch::async, [&] { return peer.read(bytes.size()); });
  run_until([&] { return !recorder.sent.empty(); });
  EXPECT_THAT(recorder.sent, ElementsAre(0));
  EXPECT_EQ(arrived.get(), bytes);
}

TEST_P(StreamSendTest, SendsAndReceivesAtOnce) {
  use(small_buffers(32 * 1024));
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  const auto out = pattern(std::size_t{3} << 20, 1);
  const auto in = pattern(std::size_t{3} << 20, 2);
  const auto pieces = cut(out, 300);
  std::vector<std::byte> buffer(in.size());
  recorder.stream->receive(buffer, buffer.size());
  recorder.stream->send(pieces);
  std::thread writer([&] { peer.write(in); });
  auto arrived = std::async(std::launch::async, [&] { return peer.read(out.size()); });
  run_until([&] { return !recorder.sent.empty() && !recorder.received.empty(); });
  EXPECT_EQ(recorder.received.front(), std::pair(in.size(), 0));
  EXPECT_EQ(buffer, in);
  EXPECT_EQ(arrived.get(), out);
  writer.join();
}

TEST_P(StreamSendTest, NothingButEmptyPiecesIsSentAtOnce) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const iovec pieces[] = {{.iov_base = nullptr, .iov_len = 0}, {.iov_base = nullptr, .iov_len = 0}};
  recorder.stream->send(pieces);
  run_until([&] { return !recorder.sent.empty(); });
  EXPECT_THAT(recorder.sent, ElementsAre(0));
}

TEST_P(StreamSendTest, APeersResetEndsTheSend) {
  const Listener listener("127.0.0.1", 8, 16 * 1024);
  Recorder& recorder = connect(listener);
  PeerSocket peer = listener.accept();
  const auto bytes = pattern(std::size_t{64} << 20);
  const auto pieces = cut(bytes, 100);
  recorder.stream->send(pieces);
  run_rounds();
  ASSERT_TRUE(recorder.sent.empty());
  peer.reset();
  run_until([&] { return !recorder.sent.empty(); });
  EXPECT_THAT(recorder.sent, ElementsAre(::testing::AnyOf(ECONNRESET, EPIPE)));
}

TEST_P(StreamSendTest, BackToBackSendsFromTheCallback) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  const auto bytes = pattern(1000);
  const iovec piece{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  constexpr std::size_t rounds = 500;
  recorder.when_sent = [&](int error) {
    ASSERT_EQ(error, 0);
    if (recorder.sent.size() < rounds) recorder.stream->send({&piece, 1});
  };
  auto arrived = std::async(std::launch::async, [&] { return peer.read(rounds * bytes.size()); });
  recorder.stream->send({&piece, 1});
  run_until([&] { return recorder.sent.size() == rounds; });
  EXPECT_EQ(arrived.get().size(), rounds * bytes.size());
}

}  // namespace
}  // namespace shunt::net
