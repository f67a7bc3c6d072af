// The whole replicator of one process: every enabled flow of a configuration, its control plane and
// its admin path (one thread each, Asio), its shards (one thread each). This is the face the command line, the metrics and the tests see.
//
//   Mirror mirror(config, options);
//   mirror.start();
//   while (!mirror.finished()) { show(mirror.status()); wait }
//   mirror.stop(StopMode::graceful);         // any thread; also from a signal watcher
//   MirrorStatus last = mirror.join();
#pragma once

#include <memory>

#include "replicate/config/model.h"
#include "replicate/status.h"

namespace shunt::replicate {

struct MirrorOptions {
  bool until_caught_up = false;  // end when every partition has reached the source's end as seen at the start
};

enum class StopMode {
  graceful,  // what is in flight is acknowledged first
  at_once,
};

class Mirror {
 public:
  /// Makes everything that needs the system's leave (event loops), but no thread: between this and start() a process
  /// can give up rights. Throws std::system_error.
  Mirror(Config config, MirrorOptions options);
  ~Mirror();  // stops at once if still running
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  void start();
  /// Asks for the end. A second call with `at_once` cuts a graceful one short.
  void stop(StopMode mode);
  /// It has come to its end: caught up, stopped, or a fatal error; join() does not block.
  [[nodiscard]] bool finished() const;
  /// A consistent picture, from any thread.
  [[nodiscard]] MirrorStatus status() const;
  /// Waits for the end; the last status.
  MirrorStatus join();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shunt::replicate
