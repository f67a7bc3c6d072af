// One multishot receive that fills the buffers of a ring, one send at a time from them: what the data path would look
// like if the kernel chose the buffer. Compare with `--method io_uring`.
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "relay.h"

namespace shunt::bench {

namespace {

class Multishot {
 public:
  Multishot(int from, int to, const Options& options, Counters& counters)
      : from_(from), to_(to), options_(options), counters_(counters) {
    io_uring_params params{};
    params.flags = options.defer_taskrun ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0U;
    demand(io_uring_queue_init_params(64, &ring_, &params), "io_uring_setup");
    const int at_least = static_cast<int>(options.at_least);
    setsockopt(from, SOL_SOCKET, SO_RCVLOWAT, &at_least, sizeof at_least);

    for (ring_size_ = 1; ring_size_ < options.buffers;) ring_size_ *= 2;
    memory_.resize(options.buffers * options.buffer_bytes);
    const std::size_t bytes = ring_size_ * sizeof(io_uring_buf);
    void* entries = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (entries == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    buffers_ = static_cast<io_uring_buf_ring*>(entries);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries);
    registration.ring_entries = static_cast<std::uint32_t>(ring_size_);
    demand(io_uring_register_buf_ring(&ring_, &registration, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(buffers_);
    for (std::size_t id = 0; id < options.buffers; ++id) give_back(static_cast<unsigned short>(id));
  }
  Multishot(const Multishot&) = delete;
  Multishot& operator=(const Multishot&) = delete;
  ~Multishot() {
    io_uring_queue_exit(&ring_);
    munmap(buffers_, ring_size_ * sizeof(io_uring_buf));
  }

  void run() {
    while (!ended_ || !filled_.empty()) {
      if (!armed_ && !ended_ && free_ > 0) arm();
      if (!sending_ && !filled_.empty()) send();
      ++counters_.waits;
      demand(io_uring_submit_and_wait(&ring_, 1), "io_uring_enter");
      io_uring_cqe* completion = nullptr;
      while (io_uring_peek_cqe(&ring_, &completion) == 0) {
        const io_uring_cqe copy{*completion};
        io_uring_cqe_seen(&ring_, completion);
        if (copy.user_data == receive_tag) {
          received(copy.res, copy.flags);
        } else {
          sent(copy.res);
        }
      }
    }
  }

 private:
  static constexpr std::uint64_t receive_tag = 1;
  static constexpr std::uint64_t send_tag = 2;
  struct Filled {
    unsigned short id;
    std::size_t size;
  };

  static void demand(int result, const char* what) {
    if (result < 0 && result != -EINTR) throw std::system_error(-result, std::generic_category(), what);
  }

  std::byte* buffer(unsigned short id) { return memory_.data() + id * options_.buffer_bytes; }

  void give_back(unsigned short id) {
    io_uring_buf_ring_add(buffers_, buffer(id), static_cast<unsigned>(options_.buffer_bytes), id,
                          static_cast<int>(ring_size_ - 1), 0);
    io_uring_buf_ring_advance(buffers_, 1);
    ++free_;
  }

  void arm() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_recv_multishot(entry, from_, nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = 0;
    if (options_.poll_first) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    entry->user_data = receive_tag;
    armed_ = true;
  }

  void received(int result, std::uint32_t flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) armed_ = false;
    if (result == -ENOBUFS) return;  // armed again when one comes back
    demand(result, "recv");
    ++counters_.receives;
    if (result <= 0) {
      ended_ = result == 0;
      return;
    }
    --free_;
    counters_.bytes += static_cast<std::uint64_t>(result);
    filled_.push_back(
        {static_cast<unsigned short>(flags >> IORING_CQE_BUFFER_SHIFT), static_cast<std::size_t>(result)});
  }

  void send() {
    const auto [id, size] = filled_.front();
    ++counters_.sends;
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_send(entry, to_, buffer(id) + sent_of_first_, size - sent_of_first_, MSG_WAITALL | MSG_NOSIGNAL);
    entry->user_data = send_tag;
    sending_ = true;
  }

  void sent(int result) {
    demand(result, "send");
    sending_ = false;
    sent_of_first_ += static_cast<std::size_t>(std::max(result, 0));
    if (sent_of_first_ < filled_.front().size) return;
    sent_of_first_ = 0;
    give_back(filled_.front().id);
    filled_.pop_front();
  }

  const int from_;
  const int to_;
  const Options& options_;
  Counters& counters_;
  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  std::size_t ring_size_ = 0;
  std::vector<std::byte> memory_;
  std::size_t free_ = 0;
  std::deque<Filled> filled_;
  std::size_t sent_of_first_ = 0;
  bool armed_ = false;
  bool sending_ = false;
  bool ended_ = false;
};

}  // namespace

void copy_with_multishot(int from, int to, const Options& options, Counters& counters) {
  constexpr std::size_t most_buffers = 1024;
  if (options.buffers == 0 || options.buffers > most_buffers) throw std::invalid_argument("--buffers takes 1 to 1024");
  Multishot(from, to, options, counters).run();
}

}  // namespace shunt::bench
