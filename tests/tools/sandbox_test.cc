// A child takes the sandbox upon itself and tries what it forbids, and what a mirror needs.
#include "tools/shunt/sandbox.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <netdb.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shunt::tools {
namespace {

#ifdef SHUNT_SANITIZED
constexpr bool has_sanitizer = true;  // it makes calls of its own
#else
constexpr bool has_sanitizer = false;
#endif

enum class Walls { landlock, seccomp, both };

constexpr int no_sandbox = 255;

/// 0: it could be done; otherwise the errno of its failure.
int outcome(long result) {
  return result >= 0 ? 0 : errno;
}

/// What `attempt` returns in a process that has entered the sandbox.
int in_sandbox(Walls walls, const std::vector<std::filesystem::path>& readable, const std::function<int()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    if (walls != Walls::seccomp && enter_landlock(readable)) _exit(no_sandbox);
    if (walls != Walls::landlock && enter_seccomp()) _exit(no_sandbox);
    _exit(attempt());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (has_sanitizer) GTEST_SKIP() << "sanitizers make calls of their own";
    if (in_sandbox(Walls::both, {}, [] { return 0; }) == no_sandbox) GTEST_SKIP() << "refused by this system";
  }

  static std::vector<std::filesystem::path> usual() { return readable_paths(replicate::Config{}); }
};

TEST_F(Sandbox, RunsNoProgramAndStartsNoProcess) {
  const auto execute = [] {
    char name[] = "/bin/true";
    char* arguments[] = {name, nullptr};
    return outcome(execve(name, arguments, nullptr));
  };
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), execute), EPERM);
  EXPECT_EQ(in_sandbox(Walls::landlock, usual(), execute), EACCES);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [] { return outcome(fork()); }), EPERM);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [] { return outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }),
            EPERM);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [] { return outcome(kill(getppid(), 0)); }), EPERM);
}

TEST_F(Sandbox, WritesNoFile) {
  const std::string path = testing::TempDir() + "sandbox-" + std::to_string(getpid());
  const auto create = [&] { return outcome(open(path.c_str(), O_WRONLY | O_CREAT, 0600)); };
  EXPECT_EQ(in_sandbox(Walls::landlock, usual(), create), EACCES);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), create), EPERM);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(in_sandbox(Walls::both, usual(), [fd] { return outcome(write(fd, "x", 1)); }), 0)
      << "what is open stays so";
  const auto change = [&] { return outcome(open(path.c_str(), O_RDWR)); };
  EXPECT_EQ(in_sandbox(Walls::landlock, usual(), change), EACCES);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), change), EPERM);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [&] { return outcome(unlink(path.c_str())); }), EPERM);
  EXPECT_EQ(in_sandbox(Walls::landlock, usual(), [&] { return outcome(unlink(path.c_str())); }), EACCES);
  close(fd);
  unlink(path.c_str());
}

TEST_F(Sandbox, ReadsWhatTheConfigurationNamesAndNothingElse) {
  std::string folder = testing::TempDir() + "sandbox-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string named = folder + "/named";
  const std::string other = folder + "/other";
  for (const std::string& place : {named, other}) {
    ASSERT_EQ(mkdir(place.c_str(), 0700), 0);
    close(open((place + "/key.pem").c_str(), O_WRONLY | O_CREAT, 0600));
  }
  replicate::Config config;
  config.reread_paths = {named + "/key.pem"};
  const auto read = [](const std::string& path) { return [path] { return outcome(open(path.c_str(), O_RDONLY)); }; };
  const auto readable = readable_paths(config);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read(named + "/key.pem")), 0);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read(other + "/key.pem")), EACCES);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read("/etc/shadow")), EACCES);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read("/etc/hosts")), 0);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read("/proc/self/statm")), 0);
  EXPECT_EQ(in_sandbox(Walls::both, readable, read("/proc/1/environ")), EACCES);
  // A file that takes the place of another while the process runs, as certificates are renewed.
  int steps[2];
  int answers[2];
  ASSERT_EQ(pipe(steps), 0);
  ASSERT_EQ(pipe(answers), 0);
  std::thread renewal([&] {
    char byte = 0;
    if (::read(answers[0], &byte, 1) != 1) return;
    std::filesystem::rename(other + "/key.pem", named + "/key.pem");
    if (::write(steps[1], &byte, 1) != 1) return;
  });
  EXPECT_EQ(in_sandbox(Walls::both, readable,
                       [&] {
                         char byte = 0;
                         if (::write(answers[1], &byte, 1) != 1 || ::read(steps[0], &byte, 1) != 1) return 1;
                         return read(named + "/key.pem")();
                       }),
            0);
  renewal.join();
  for (const int fd : {steps[0], steps[1], answers[0], answers[1]}) close(fd);
  std::filesystem::remove_all(folder);
}

TEST_F(Sandbox, OpensNoDoor) {
  const auto listen_anywhere = [] {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? 1 : outcome(listen(fd, 1));
  };
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), listen_anywhere), EPERM);
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [] { return outcome(socket(AF_PACKET, SOCK_RAW, 0)); }), ENOSYS);
  io_uring ring{};
  EXPECT_EQ(in_sandbox(Walls::seccomp, usual(), [&] { return -io_uring_queue_init(8, &ring, 0); }), EPERM);
}

TEST_F(Sandbox, LeavesWhatAMirrorDoes) {
  const auto live = [] {
    // A connection, a thread, a name.
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in nowhere{};
    nowhere.sin_family = AF_INET;
    nowhere.sin_port = htons(1);
    nowhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(listener, reinterpret_cast<const sockaddr*>(&nowhere), sizeof nowhere) == 0 || errno != ECONNREFUSED) {
      return 1;
    }
    int value = 0;
    std::thread([&value] { value = 1; }).join();
    if (value != 1) return 2;
    addrinfo* found = nullptr;
    if (getaddrinfo("localhost", "9092", nullptr, &found) != 0) return 3;
    freeaddrinfo(found);
    return 0;
  };
  EXPECT_EQ(in_sandbox(Walls::both, usual(), live), 0);
}

TEST_F(Sandbox, StillAborts) {
  EXPECT_EQ(in_sandbox(Walls::both, usual(),
                       [] {
                         std::abort();
                         return 0;
                       }),
            -SIGABRT);
}

}  // namespace
}  // namespace shunt::tools
