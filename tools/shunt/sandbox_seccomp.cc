// seccomp, by libseccomp.
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <asm/termbits.h>
#include <fmt/format.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/shunt/sandbox.h"

namespace shunt::tools {

namespace {

constexpr std::uint64_t writes = 01U | 02U | 0100U | 01000U | 02000U;  // O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND

// What the C library, OpenSSL, Asio, resolvers and the event loops do in a process that is set up. Names that an
// architecture does not have are left out there.
constexpr std::array allowed{
    // files and descriptors that are open, or open for reading
    "read", "readv", "pread64", "preadv", "write", "writev", "lseek", "close", "close_range", "dup", "dup2", "dup3",
    "fcntl", "fstat", "stat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getcwd", "getdents64", "pipe", "pipe2", "inotify_init1", "inotify_add_watch",
    "inotify_rm_watch",
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mlock", "mlock2", "munlock", "mincore",
    // threads, signals to itself, time
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "membarrier", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "set_tid_address", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask",
    "rt_sigpending", "rt_sigreturn", "rt_sigtimedwait", "rt_sigsuspend", "sigaltstack", "restart_syscall", "getpid",
    "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getpgrp",
    "getpgid", "getsid", "uname", "sysinfo", "getrusage", "times", "getrandom", "clock_gettime", "clock_getres",
    "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getcpu",
    // waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "select", "pselect6", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4",
    "io_uring_enter", "io_uring_register",
    // the network, but for listen
    "connect", "bind", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown",
    "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "socketpair"};

// Refused with EPERM, for those who read a trace; everything else is refused as if the kernel did not have it (ENOSYS),
// so that libraries fall back to what is allowed.
constexpr std::array forbidden{"execve",
                               "execveat",
                               "fork",
                               "vfork",
                               "ptrace",
                               "process_vm_readv",
                               "process_vm_writev",
                               "kill",
                               "tkill",
                               "listen",
                               "io_uring_setup",
                               "creat",
                               "unlink",
                               "unlinkat",
                               "rename",
                               "renameat",
                               "renameat2",
                               "mkdir",
                               "mkdirat",
                               "chmod",
                               "fchmodat",
                               "chown",
                               "fchownat",
                               "symlink",
                               "symlinkat",
                               "link",
                               "linkat",
                               "truncate",
                               "ftruncate",
                               "mount",
                               "umount2",
                               "pivot_root",
                               "chroot",
                               "setuid",
                               "setgid",
                               "setns",
                               "unshare",
                               "bpf",
                               "perf_event_open",
                               "keyctl",
                               "add_key",
                               "request_key",
                               "userfaultfd",
                               "init_module",
                               "finit_module"};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {
    if (context_ == nullptr) error_ = -ENOMEM;
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void allow(const char* name) { add(SCMP_ACT_ALLOW, name, {}); }
  /// Only with such arguments.
  void allow(const char* name, std::initializer_list<scmp_arg_cmp> arguments) { add(SCMP_ACT_ALLOW, name, arguments); }
  void refuse(const char* name, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    add(SCMP_ACT_ERRNO(EPERM), name, arguments);
  }

  int load() {
    seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
    seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // looks calls up in a tree
    return error_ != 0 ? error_ : seccomp_load(context_);
  }

 private:
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> arguments) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0) return;
    error_ = seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(arguments.size()),
                                    arguments.size() == 0 ? nullptr : arguments.begin());
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

}  // namespace

std::optional<std::string> enter_seccomp() {
  Filter filter;
  for (const char* name : allowed) filter.allow(name);
  for (const char* name : forbidden) filter.refuse(name);
  filter.allow("open", {masked(1, writes, 0)});
  filter.allow("openat", {masked(2, writes, 0)});
  for (const std::uint64_t bit : {01U, 02U, 0100U}) {
    filter.refuse("open", {masked(1, bit, bit)});
    filter.refuse("openat", {masked(2, bit, bit)});
  }
  // Threads, and no processes. clone3() has its flags in memory, where no filter looks; without it libraries use clone().
  filter.allow("clone", {masked(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM)});
  filter.refuse("clone", {masked(0, CLONE_THREAD, 0)});
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
    filter.allow("socket", {equals(0, static_cast<std::uint64_t>(family))});
  }
  for (const unsigned request :
       std::initializer_list<unsigned>{FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME}) {
    filter.allow("ioctl", {equals(1, request)});
  }
  filter.allow("tgkill", {equals(0, static_cast<std::uint64_t>(::getpid()))});
  filter.allow("prctl", {equals(0, PR_SET_NAME)});
  filter.allow("prctl", {equals(0, PR_GET_NAME)});
  filter.allow("prlimit64", {equals(0, 0), equals(2, 0)});  // asking
  const int result = filter.load();
  if (result == 0) return std::nullopt;
  return fmt::format("seccomp: {}", std::strerror(-result));
}

}  // namespace shunt::tools
