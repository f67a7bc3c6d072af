#include "tools/shunt/sandbox.h"

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shunt::tools {

namespace fs = std::filesystem;

namespace {

// Names and certificates, libraries that are loaded late, and what the C library asks about the machine.
constexpr std::array system_paths{"/lib",
                                  "/lib64",
                                  "/usr/lib",
                                  "/usr/lib64",
                                  "/usr/local/lib",
                                  "/usr/share/ca-certificates",
                                  "/usr/local/share/ca-certificates",
                                  "/usr/share/zoneinfo",
                                  "/run/systemd/resolve",
                                  "/run/resolvconf",
                                  "/run/NetworkManager",
                                  "/var/lib/sss",
                                  "/dev/null",
                                  "/dev/random",
                                  "/dev/urandom",
                                  "/proc/self",
                                  "/proc/sys/net",
                                  "/sys/devices/system/cpu"};

// Where the environment leads OpenSSL and Kerberos.
constexpr std::array path_variables{"SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF",       "KRB5_CONFIG",
                                    "KRB5CCNAME",    "KRB5_KTNAME",  "KRB5_CLIENT_KTNAME", "CREDENTIALS_DIRECTORY"};

bool is_for_all(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

/// Files of /etc are replaced while the process runs (resolv.conf, hosts), which only a rule for the directory survives.
/// For root, whom permissions do not hold back, it is instead what everybody may read, as it is now.
void append_etc(std::vector<fs::path>& paths) {
  std::error_code ignored;
  const fs::path names = fs::canonical("/etc/resolv.conf", ignored);
  if (names.has_parent_path() && names.parent_path() != "/etc") paths.push_back(names.parent_path());
  if (::geteuid() != 0) {
    paths.emplace_back("/etc");
    return;
  }
  for (const auto& entry : fs::directory_iterator("/etc", ignored)) {
    if (is_for_all(entry.path())) paths.push_back(entry.path());
  }
}

/// The directory of a file, where its successor will lie too, and that of what it links to.
void append_with_target(const fs::path& path, std::vector<fs::path>& paths) {
  std::error_code error;
  for (const fs::path& place : {fs::absolute(path, error), fs::canonical(path, error)}) {
    if (place.empty()) continue;
    paths.push_back(fs::is_directory(place, error) ? place : place.parent_path());
  }
}

}  // namespace

std::vector<fs::path> readable_paths(const replicate::Config& config) {
  std::vector<fs::path> paths(system_paths.begin(), system_paths.end());
  append_etc(paths);
  for (const char* variable : path_variables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value == '/') append_with_target(value, paths);
  }
  for (const std::string& path : config.reread_paths) append_with_target(path, paths);
  std::erase_if(paths, [](const fs::path& path) {
    std::error_code error;
    return !fs::exists(path, error);
  });
  return paths;
}

void enter_sandbox(const replicate::Config& config) {
  using replicate::SandboxMode;
  if (config.process.sandbox == SandboxMode::off) return;
  std::vector<std::string> in_force;
  std::vector<std::string> refused;
  const auto note = [&](const char* name, const std::optional<std::string>& why) {
    (why ? refused : in_force).push_back(why ? fmt::format("{} ({})", name, *why) : name);
  };
  // seccomp last: it refuses what Landlock needs.
  note("Landlock", enter_landlock(readable_paths(config)));
  note("seccomp", enter_seccomp());
  if (!refused.empty() && config.process.sandbox == SandboxMode::required) {
    throw std::runtime_error(
        fmt::format("shunt.sandbox = required, but the system refuses {}: set it to auto to do without, or allow it",
                    fmt::join(refused, ", ")));
  }
  spdlog::info("sandbox: {}{}{}", in_force.empty() ? "none" : fmt::format("{}", fmt::join(in_force, ", ")),
               refused.empty() ? "" : "; refused by the system: ", fmt::join(refused, ", "));
}

}  // namespace shunt::tools
