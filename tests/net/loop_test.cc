// Timers, wake-ups, the choice of the loop.
#include "net/loop.h"

#include <cstddef>
#include <thread>

#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/net/loop_fixture.h"

namespace shunt::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Endpoint, ReadsAndWritesAddresses) {
  EXPECT_EQ(Endpoint::from_ip("127.0.0.1", 9092).to_string(), "127.0.0.1:9092");
  EXPECT_EQ(Endpoint::from_ip("2001:db8::0:1", 65535).to_string(), "[2001:db8::1]:65535");
  for (const char* no_ip : {"", "localhost", "127.0.0.256", "127.0.0.1:9092", "[::1]", "::1%"}) {
    EXPECT_THROW(Endpoint::from_ip(no_ip, 1), std::invalid_argument) << no_ip;
  }
}

using TimerTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(EveryLoop, TimerTest, every_loop, loop_case_name);

TEST_P(TimerTest, FireInOrderOfDeadlineThenOfArming) {
  std::string fired;
  Timer a(*loop_, [&] { fired += 'a'; });
  Timer b(*loop_, [&] { fired += 'b'; });
  Timer c(*loop_, [&] { fired += 'c'; });
  Timer d(*loop_, [&] { fired += 'd'; });
  const Time now = loop_->now();
  c.set(now + milliseconds(1));
  d.set(now + milliseconds(2));
  b.set(now + milliseconds(1));
  a.set(now);
  run_until([&] { return fired.size() == 4; });
  EXPECT_EQ(fired, "acbd");
}

TEST_P(TimerTest, ShortensTheWait) {
  bool fired = false;
  Timer timer(*loop_, [&] { fired = true; });
  timer.set(loop_->now() + std::chrono::microseconds(300));
  EXPECT_TRUE(timer.armed());
  while (!fired) run(loop_->now() + hours(10));
  EXPECT_FALSE(timer.armed());
  EXPECT_GE(loop_->now(), timer.deadline());
}

TEST_P(TimerTest, CancelledOrRearmedForgetsTheOldDeadline) {
  int fired = 0;
  int marks = 0;
  Timer cancelled(*loop_, [&] { ++fired; });
  Timer later(*loop_, [&] { ++fired; });
  Timer mark(*loop_, [&] { ++marks; });
  cancelled.set(loop_->now());
  cancelled.cancel();
  cancelled.cancel();
  later.set(loop_->now());
  later.set(loop_->now() + hours(1));
  mark.set(loop_->now() + milliseconds(1));
  run_until([&] { return marks == 1; });
  EXPECT_EQ(fired, 0);
  later.set(loop_->now());
  run_until([&] { return fired == 1; });
  run_rounds();
  EXPECT_EQ(fired, 1);
}

TEST_P(TimerTest, RearmsInItsCallbackOnceARound) {
  int fired = 0;
  int others = 0;
  Timer timer(*loop_, [&] { ++fired; });
  // Always the earliest of all: it must neither hold the loop nor starve the others.
  Timer eager(*loop_, [&] {
    ++fired;
    eager.set(Time::min());
  });
  Timer other(*loop_, [&] {
    ++others;
    other.set(loop_->now());
  });
  eager.set(Time::min());
  other.set(loop_->now());
  run_rounds(10);
  EXPECT_EQ(fired, 10);
  EXPECT_EQ(others, 10);
}

TEST_P(TimerTest, StreamsAreServedWhileATimerIsAlwaysDue) {
  const Listener listener;
  Recorder& recorder = connect(listener);
  const PeerSocket peer = listener.accept();
  Timer eager(*loop_, [&] { eager.set(loop_->now()); });
  eager.set(loop_->now());
  std::vector<std::byte> buffer(3);
  recorder.stream->receive(buffer, 3);
  run_rounds();
  peer.write("abc");
  run_until([&] { return !recorder.received.empty(); });
}

TEST_P(TimerTest, MayBeDestroyedInACallback) {
  std::string fired;
  std::unique_ptr<Timer> itself;
  std::unique_ptr<Timer> next;
  // More than fits into a std::function without memory of its own.
  itself = std::make_unique<Timer>(*loop_, [&, padding = std::string(100, 'x')] {
    itself.reset();
    next.reset();
    fired += padding.substr(0, 1);
  });
  next = std::make_unique<Timer>(*loop_, [&] { fired += 'n'; });
  Timer last(*loop_, [&] { fired += 'l'; });
  itself->set(loop_->now());
  next->set(loop_->now());
  last.set(loop_->now());
  run_until([&] { return !fired.empty() && fired.back() == 'l'; });
  EXPECT_EQ(fired, "xl");
}

TEST_P(TimerTest, TimeStandsStillWithinARound) {
  std::vector<Time> seen;
  Timer first(*loop_, [&] { seen.push_back(loop_->now()); });
  Timer second(*loop_, [&] { seen.push_back(loop_->now()); });
  first.set(Time::min());
  second.set(Time::min());
  run(Time::min());
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], seen[1]);
}

using WakeTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(EveryLoop, WakeTest, every_loop, loop_case_name);

TEST_P(WakeTest, EndsAWaitFromAnotherThread) {
  for (int round = 0; round < 20; ++round) {
    std::thread other([&] { loop_->wake(); });
    run(loop_->now() + hours(1));
    other.join();
    run_rounds(3);  // the wake-up may have been what the wait returned for, or still be there
  }
}

TEST_P(WakeTest, BeforeTheWaitCountsToo) {
  for (int i = 0; i < 1000; ++i) loop_->wake();
  run(loop_->now() + hours(1));
  loop_->wake();
  run(loop_->now() + hours(1));
}

TEST_P(WakeTest, TheLoopMayRunInAnotherThreadThanItWasMadeIn) {
  bool fired = false;
  std::thread runner([&] {
    Timer timer(*loop_, [&] { fired = true; });
    timer.set(loop_->now());
    while (!fired) loop_->run_once(loop_->now() + hours(1));
    loop_.reset();
  });
  runner.join();
  EXPECT_TRUE(fired);
}

// ---- The choice -----------------------------------------------------------------------------------------------------

/// From here on, in this thread alone, the system answers `error` to the system call.
void refuse_system_call(long number, int error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0) << std::strerror(errno);
}

TEST(MakeLoop, FallsBackToEpollWhenIoUringIsRefused) {
  for (const int error : {EPERM, ENOSYS, ENOMEM}) {
    std::thread([error] {
      refuse_system_call(SYS_io_uring_setup, error);
      std::string why;
      const auto loop = make_loop({}, &why);
      EXPECT_STREQ(loop->name(), "epoll");
      EXPECT_THAT(why, HasSubstr("io_uring_setup"));
      EXPECT_THAT(why, HasSubstr(std::strerror(error)));
      try {
        make_loop({.kind = IoKind::io_uring});
        FAIL() << "no exception";
      } catch (const std::system_error& refused) {
        EXPECT_EQ(refused.code().value(), error);
      }
    }).join();
  }
}

TEST(MakeLoop, GivesWhatIsAskedFor) {
  std::string why;
  EXPECT_STREQ(make_loop({.kind = IoKind::epoll}, &why)->name(), "epoll");
  EXPECT_EQ(why, "");
  const auto loop = make_loop({}, &why);
  EXPECT_STREQ(loop->name(), why.empty() ? "io_uring" : "epoll");
}

TEST(MakeLoop, EpollWaitsInMillisecondsWhereItMust) {
  std::thread([] {
    refuse_system_call(SYS_epoll_pwait2, EPERM);
    const auto loop = make_loop({.kind = IoKind::epoll});
    bool fired = false;
    Timer timer(*loop, [&] { fired = true; });
    timer.set(loop->now() + std::chrono::microseconds(1500));
    while (!fired) loop->run_once(loop->now() + hours(1));
    EXPECT_GE(loop->now(), timer.deadline());
  }).join();
}

}  // namespace
}  // namespace shunt::net
