// Landlock by its system calls: the C library of Debian 12 has none of them, and its kernel headers not all the rights.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/shunt/sandbox.h"

namespace shunt::tools {

namespace {

// struct landlock_ruleset_attr of the sixth version; older kernels take its beginning.
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t bind_tcp = 1U << 0;
constexpr std::uint64_t abstract_unix_sockets_and_signals = 3;

/// The rights about files that a version of Landlock knows: all that it knows are taken away.
constexpr std::uint64_t file_rights(long version) {
  int bits = 13;                // execute .. make_sym
  if (version >= 2) bits = 14;  // refer
  if (version >= 3) bits = 15;  // truncate
  if (version >= 5) bits = 16;  // ioctl on devices
  return (std::uint64_t{1} << bits) - 1;
}

std::string why(const char* what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

}  // namespace

std::optional<std::string> enter_landlock(const std::vector<std::filesystem::path>& readable) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return why("not in this kernel, or not allowed");
  const Ruleset ruleset{.files = file_rights(version),
                        .network = version >= 4 ? bind_tcp : 0,
                        .scoped = version >= 6 ? abstract_unix_sockets_and_signals : 0};
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const auto rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &ruleset, size, 0));
  if (rules < 0) return why("landlock_create_ruleset");
  for (const std::filesystem::path& path : readable) {
    const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);  // NOLINT(cppcoreguidelines-pro-type-vararg)
    if (fd < 0) continue;                                     // what cannot be seen cannot be read later either
    struct stat status {};
    ::fstat(fd, &status);
    const landlock_path_beneath_attr rule{
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | (S_ISDIR(status.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0ULL),
        .parent_fd = fd};
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    ::close(fd);
  }
  std::optional<std::string> refused;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    refused = why("no_new_privs");
  } else if (syscall(SYS_landlock_restrict_self, rules, 0) != 0) {
    refused = why("landlock_restrict_self");
  }
  ::close(rules);
  return refused;
}

}  // namespace shunt::tools
