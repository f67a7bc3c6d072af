#include "sasl/secret.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shunt::sasl {
namespace {

/// Texts that stand in no binary: they are put together when they are needed.
std::string canary(char kind) {
  std::string text = "canary-";
  for (int i = 0; i < 20; ++i) text += static_cast<char>(kind + i % 5);
  return text;
}

TEST(Secret, IsNotPrinted) {
  const Secret secret("hunter2");
  std::ostringstream out;
  out << secret;
  EXPECT_EQ(out.str(), "[hidden]");
  EXPECT_EQ(fmt::format("<{}>", secret), "<[hidden]>");
  EXPECT_EQ(secret.reveal(), "hunter2");
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret from("hunter2");
  const char* bytes = from.reveal().data();
  const Secret to = std::move(from);
  EXPECT_EQ(to.reveal().data(), bytes);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(Secret, IsWipedWhenItsMemoryIsGivenBack) {
  std::optional<Secret> secret(std::in_place, canary('A'));
  const char* bytes = secret->reveal().data();
  const std::size_t size = secret->reveal().size();
  ASSERT_EQ(std::string(bytes, size), canary('A'));
  secret.reset();
  // The pages stay; the piece's first bytes lead to the next free one.
  EXPECT_EQ(std::string(bytes + sizeof(void*), size - sizeof(void*)), std::string(size - sizeof(void*), '\0'));
}

TEST(Secret, IsOfAnySize) {
  for (const std::size_t size : {0U, 1U, 31U, 32U, 33U, 16384U, 16385U, 1048576U}) {
    std::vector<Secret> secrets;
    for (const char c : {'a', 'b', 'c'}) secrets.emplace_back(std::string(size, c));
    for (std::size_t i = 0; i < secrets.size(); ++i) {
      EXPECT_EQ(secrets[i].reveal(), std::string(size, static_cast<char>('a' + i))) << size;
    }
  }
}

TEST(Secret, IsInNoCoreDump) {
#ifdef SHUNT_SANITIZED
  GTEST_SKIP() << "no core dumps under sanitizers";
#endif
  std::string pattern;
  std::getline(std::ifstream("/proc/sys/kernel/core_pattern") >> std::ws, pattern);
  if (pattern.starts_with('|') || pattern.find('/') != std::string::npos) {
    GTEST_SKIP() << "core dumps of this machine go elsewhere: " << pattern;
  }
  std::string folder = testing::TempDir() + "secret-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CORE, &limit);
    if (chdir(folder.c_str()) != 0) _exit(1);
    Secret secret;
    Secret large_secret;
    // By a thread of its own: what was copied last is still in a thread's registers, and they are in the dump.
    std::thread([&] {
      std::string text = canary('A');
      std::string large(20000, 'x');
      large.replace(19000, text.size(), text);
      secret = Secret(text);
      large_secret = Secret(large);
      for (std::string* copy : {&text, &large}) explicit_bzero(copy->data(), copy->size());
    }).join();
    const std::string no_secret = canary('a');
    raise(SIGABRT);
    _exit(no_secret.size() + secret.reveal().size() + large_secret.reveal().size() > 0 ? 2 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  if (!WCOREDUMP(status)) GTEST_SKIP() << "core dumps are not allowed here";
  std::string core;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    core.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::filesystem::remove_all(folder);
  EXPECT_NE(core.find(canary('a')), std::string::npos) << "what is no secret is there to be found";
  EXPECT_EQ(core.find(canary('A')), std::string::npos);
}

}  // namespace
}  // namespace shunt::sasl
