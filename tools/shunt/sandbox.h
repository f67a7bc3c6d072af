// What a started process gives up for good (`shunt.sandbox`), so that whoever takes it over with bytes from the network
// gets hold of little:
//
//   Landlock   reads only what a mirror reads again while it runs (readable_paths()), writes no file, runs no program,
//              opens no TCP port, signals no other process, as far as the kernel knows these rules
//   seccomp    system calls but those of a mirror are refused: no program, no process, no tracing, no file opened for
//              writing, no listening, no new io_uring (those there are restricted, net/io_uring_ring.h)
//
// What is open stays open: the connections, the address of the metrics, the log. Refused calls fail, they do not kill.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "replicate/config/model.h"

namespace shunt::tools {

/// Everything a mirror of this configuration opens after its start: the one place to extend. Paths that do not exist are
/// left out; of a file that may be replaced, the directory is named.
std::vector<std::filesystem::path> readable_paths(const replicate::Config& config);

/// For the calling thread and those it starts: each returns why the kernel refuses, or nothing.
std::optional<std::string> enter_landlock(const std::vector<std::filesystem::path>& readable);
std::optional<std::string> enter_seccomp();

/// As the configuration has it; before there are other threads. Says in one log line what is in force. Throws
/// std::runtime_error: it is required, and refused.
void enter_sandbox(const replicate::Config& config);

}  // namespace shunt::tools
