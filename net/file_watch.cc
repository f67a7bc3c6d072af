#include "net/file_watch.h"

#include <utility>

#include <sys/stat.h>

namespace shunt::net {

bool FileWatch::Identity::operator==(const Identity& other) const {
  return exists == other.exists && device == other.device && inode == other.inode && size == other.size &&
         modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

FileWatch::FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)) {
  told_ = seen_ = identities();
}

std::vector<FileWatch::Identity> FileWatch::identities() const {
  std::vector<Identity> all;
  all.reserve(paths_.size());
  for (const std::string& path : paths_) {
    struct stat found {};
    Identity& identity = all.emplace_back();
    if (::stat(path.c_str(), &found) != 0) continue;
    identity = {.exists = true,
                .device = found.st_dev,
                .inode = found.st_ino,
                .size = found.st_size,
                .modified = found.st_mtim};
  }
  return all;
}

bool FileWatch::has_changed() {
  std::vector<Identity> now = identities();
  const bool stands_still = now == std::exchange(seen_, now);
  if (!stands_still || now == told_) return false;
  told_ = std::move(now);
  return true;
}

}  // namespace shunt::net
