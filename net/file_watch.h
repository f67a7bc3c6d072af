// Whether files are what they were: replaced by rename, written in place, or reached by another target of a symbolic link (as
// Kubernetes mounts secrets). Whatever opens under the same path counts.
#pragma once

#include <ctime>
#include <string>
#include <vector>

namespace shunt::net {

class FileWatch {
 public:
  /// From now on. `paths` need not exist.
  explicit FileWatch(std::vector<std::string> paths);

  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

  /// To be asked now and then. True once for every change, and not before it stands still from one question to the next:
  /// whoever writes is given the time in between.
  bool has_changed();

 private:
  struct Identity {
    bool exists = false;
    unsigned long device = 0;
    unsigned long inode = 0;
    long size = 0;
    timespec modified{};
    bool operator==(const Identity& other) const;
  };
  [[nodiscard]] std::vector<Identity> identities() const;

  std::vector<std::string> paths_;
  std::vector<Identity> told_;
  std::vector<Identity> seen_;  // by the last question
};

/// What came of reading files again; `text` never holds what is in them.
struct FileNews {
  bool is_good = false;
  std::string text;
};

}  // namespace shunt::net
