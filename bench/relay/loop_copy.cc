// The relay on shunt's event loops: two buffers, one being filled while the other is being sent. What this costs above
// `--method rw` is what the loops cost.
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "net/loop.h"

#include "relay.h"

namespace shunt::bench {

namespace {

class LoopCopy {
 public:
  LoopCopy(net::Loop& loop, const Options& options, Counters& counters)
      : loop_(loop), options_(options), counters_(counters), source_(*this, loop), target_(*this, loop) {
    for (auto& buffer : buffers_) buffer.resize(options.buffer_bytes);
  }

  void run() {
    source_.stream->connect(net::Endpoint::from_ip("127.0.0.1", options_.source));
    target_.stream->connect(net::Endpoint::from_ip("127.0.0.1", options_.connect));
    while (closed_ < 2) loop_.run_once(net::Time::max());
    counters_.receives = loop_.counters().receive_calls;
    counters_.sends = loop_.counters().send_calls;
    counters_.waits = loop_.counters().waits;
    if (error_ != 0) throw std::system_error(error_, std::generic_category(), "relay");
  }

 private:
  struct Side final : net::StreamEvents {
    Side(LoopCopy& owner, net::Loop& loop) : owner_(owner), stream(loop.make_stream(*this)) {}
    void on_connected(int error) override { owner_.connected(error); }
    void on_received(std::size_t size, int error) override {
      if (this == &owner_.source_) {
        owner_.received(size, error);
      } else {
        owner_.target_answered(error);
      }
    }
    void on_sent(int error) override { owner_.sent(error); }
    void on_closed() override { ++owner_.closed_; }

    LoopCopy& owner_;
    std::unique_ptr<net::Stream> stream;
  };

  void connected(int error) {
    if (error != 0) return end(error);
    if (++connected_ == 2) go_on();
  }

  void received(std::size_t size, int error) {
    if (error != 0 && error != ECONNRESET) return end(error);
    receiving_ = false;
    ended_ = error != 0;
    counters_.bytes += size;
    sizes_[filled_ % 2] = size;
    ++filled_;
    go_on();
  }

  void target_answered(int error) { end(error == ECONNRESET ? 0 : EPROTO); }

  void sent(int error) {
    if (error != 0) return end(error);
    sending_ = false;
    ++emptied_;
    go_on();
  }

  void go_on() {
    if (!sending_ && emptied_ < filled_) {
      piece_ = {.iov_base = buffers_[emptied_ % 2].data(), .iov_len = sizes_[emptied_ % 2]};
      sending_ = true;
      target_.stream->send({&piece_, 1});
    }
    if (!receiving_ && !ended_ && filled_ - emptied_ < 2) {
      receiving_ = true;
      source_.stream->receive(buffers_[filled_ % 2], options_.at_least);
    }
    if (ended_ && !sending_) target_.stream->receive(std::span(buffers_[0]).first(1), 1);
  }

  void end(int error) {
    if (error_ == 0) error_ = error;
    source_.stream->close();
    target_.stream->close();
  }

  net::Loop& loop_;
  const Options& options_;
  Counters& counters_;
  Side source_;
  Side target_;
  std::array<std::vector<std::byte>, 2> buffers_;
  std::array<std::size_t, 2> sizes_{};
  iovec piece_{};
  std::size_t filled_ = 0;   // buffers, counted on
  std::size_t emptied_ = 0;  // of them
  bool receiving_ = false;
  bool sending_ = false;
  bool ended_ = false;
  int connected_ = 0;
  int closed_ = 0;
  int error_ = 0;
};

}  // namespace

void copy_with_loop(const Options& options, Counters& counters) {
  net::IoOptions io;
  io.kind = options.method == "epoll" ? net::IoKind::epoll : net::IoKind::io_uring;
  io.poll_first = options.poll_first;
  io.defer_taskrun = options.defer_taskrun;
  const auto loop = net::make_loop(io);
  LoopCopy(*loop, options, counters).run();
}

}  // namespace shunt::bench
