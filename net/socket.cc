#include "net/socket.h"

#include <algorithm>
#include <climits>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/loop.h"

namespace shunt::net {

int open_socket(int family, const IoOptions& options) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  // The kernel takes less where net.core.{r,w}mem_max says so.
  const auto set_buffer = [fd](int option, int bytes) {
    if (bytes > 0) setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  };
  set_buffer(SO_RCVBUF, options.receive_buffer_bytes);
  set_buffer(SO_SNDBUF, options.send_buffer_bytes);
  return fd;
}

int buffer_bytes_if_granted(int option, int bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return 0;
  int granted = 0;
  socklen_t size = sizeof granted;
  setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  getsockopt(fd, SOL_SOCKET, option, &granted, &size);
  ::close(fd);
  return granted / 2 >= bytes ? bytes : 0;  // the kernel doubles what is asked, for its own bookkeeping (socket(7))
}

void ReceiveThreshold::set(int fd, std::size_t bytes) {
  if (bytes == current_) return;
  current_ = bytes;
  const int value = static_cast<int>(std::min<std::size_t>(bytes, INT_MAX));
  setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

void SendProgress::start(std::span<const iovec> pieces) {
  left_ = pieces;
  taken_of_first_ = 0;
  skip(0);  // empty pieces
}

const msghdr* SendProgress::message() {
  message_ = {};
  if (taken_of_first_ > 0) {
    const std::size_t count = std::min(left_.size(), resumed_.size());
    std::copy_n(left_.begin(), count, resumed_.begin());
    resumed_[0].iov_base = static_cast<std::byte*>(resumed_[0].iov_base) + taken_of_first_;
    resumed_[0].iov_len -= taken_of_first_;
    message_.msg_iov = resumed_.data();
    message_.msg_iovlen = count;
  } else {
    // sendmsg(2) reads only.
    message_.msg_iov = const_cast<iovec*>(left_.data());
    message_.msg_iovlen = std::min<std::size_t>(left_.size(), IOV_MAX);
  }
  return &message_;
}

bool SendProgress::advance(std::size_t size) {
  const std::size_t before = left_.size();
  skip(size);
  return before - left_.size() >= message_.msg_iovlen;
}

void SendProgress::skip(std::size_t size) {
  while (!left_.empty()) {
    const std::size_t rest = left_[0].iov_len - taken_of_first_;
    if (size < rest) break;
    size -= rest;
    left_ = left_.subspan(1);
    taken_of_first_ = 0;
  }
  taken_of_first_ += size;
}

}  // namespace shunt::net
