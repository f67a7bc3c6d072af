// The commands of the program. Each returns the exit code: 0 done, 1 the job failed, 2 wrong usage or configuration.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::tools {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

struct RunOptions {
  std::string file;
  bool until_caught_up = false;
  bool json = false;
  std::string log_level;  // empty: the configuration's
};

struct VerifyArguments {
  std::string file;
  bool json = false;
  bool continuous = false;
  std::string since;
  std::int64_t sample = 1;
  std::string log_level;
};

struct FailoverArguments {
  std::string file;
  std::string flow;  // "A->B"; empty: the only one
  bool dry_run = false;
  bool force = false;
  bool json = false;
  std::string log_level;
};

int run(const RunOptions& options);
int verify(const VerifyArguments& arguments);
int check(const std::string& file, const std::string& log_level);
int groups(const std::string& file, bool as_json, const std::string& log_level);
int plan(const std::string& file, bool as_json, const std::string& log_level);
int failover(const FailoverArguments& arguments);
int failback(const FailoverArguments& arguments);
int print_keys(bool markdown);

}  // namespace shunt::tools
