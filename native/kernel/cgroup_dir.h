#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

// A directory of a cgroup2 hierarchy, cgroups(7). Everything below it is reached through its fd, by
// openat2(2) with RESOLVE_BENEATH: no name leads out of it, and a directory that was removed and made again
// is another one.
//
// Calls fail with the negative errno of the system call; -ENODEV and -ENOENT where the cgroup has been
// removed.
class CgroupDir {
 public:
  // `path` below `root`, which is the directory that cgroup2 is mounted on, or one below; "." is `root`
  // itself. -ENOTSUP where `root` is no cgroup2.
  static Result<CgroupDir> Open(const char* root, const char* path);

  // One below this one, by a path as above.
  Result<CgroupDir> OpenBelow(const char* path) const;

  CgroupDir(CgroupDir&&) noexcept = default;
  CgroupDir& operator=(CgroupDir&&) noexcept = default;

  int fd() const { return fd_.get(); }
  // Which cgroup it is; the inode number is the cgroup's id. Numbers are not used again while the host runs.
  uint64_t inode() const { return inode_; }
  uint64_t device() const { return device_; }

  Result<OwnedFd> OpenFile(const char* file, int flags) const;
  // All of a file, "cgroup.events" say.
  Result<std::string> Read(const char* file) const;
  // One write(2), which is how the kernel reads what is meant for it.
  int Write(const char* file, std::string_view text) const;
  // Names of the cgroups directly below.
  Result<std::vector<std::string>> Children() const;

  // mkdirat(2).
  int Make(const char* name) const;
  // unlinkat(2) of the child that `inode` is; -ESTALE where the name is another cgroup's by now.
  int Remove(const char* name, uint64_t inode) const;
  // The same for one that Make() has just made, and that could not be opened.
  int RemoveNew(const char* name) const;

  // flock(2): the lease, which the kernel ends with the last fd of this open. -EWOULDBLOCK where somebody has
  // it.
  int Lock() const;
  // Extended attributes, xattr(7). -EEXIST where it has been set before; -ENODATA where it has not.
  int SetAttribute(const char* name, std::string_view value) const;
  Result<std::string> Attribute(const char* name) const;
  int RemoveAttribute(const char* name) const;

  // Sends a signal to each process that is in this cgroup itself now, through pidfds. How many were sent one.
  int Signal(int signal) const;

  // Gives the fd up, and the lease with it. 0, or the negative errno of close(2).
  int Close() { return fd_.Close(); }

 private:
  explicit CgroupDir(OwnedFd fd) : fd_(std::move(fd)) {}
  static Result<CgroupDir> OpenIn(int parent, const char* path);

  OwnedFd fd_;
  uint64_t inode_ = 0;
  uint64_t device_ = 0;
};

}  // namespace cofferdam
