#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "owned_fd.h"

namespace cofferdam {

// What a new process is to be.
struct SpawnRequest {
  // In `stdio`: /dev/null, one end of a pipe whose other end is ours, or nothing.
  static constexpr int kNull = -1;
  static constexpr int kPipe = -2;
  static constexpr int kClosed = -3;

  struct Bind {
    std::string source;
    std::string target;
  };
  // A mount namespace of its own, where nothing that is mounted reaches the host's.
  struct Mounts {
    // A /sys that shows the network namespace of the process.
    bool sysfs = false;
    std::vector<Bind> binds;
  };

  // Not empty.
  std::vector<std::string> argv;
  std::vector<std::string> env;
  // Files to try for the program, one after the other, as execvp(3) does.
  std::vector<std::string> paths;
  // For each fd of the child from 0 on, one of ours, or one of the above. It has no others.
  std::vector<int> stdio;
  std::optional<std::string> cwd;
  int cwd_fd = -1;
  int netns_fd = -1;
  // The directory of a cgroup.
  int cgroup_fd = -1;
  std::optional<Mounts> mounts;
  // Sent to the process when the *thread* ends that spawned it (PR_SET_PDEATHSIG); 0 for none.
  int death_signal = 0;
};

struct Spawned {
  struct Pipe {
    int fd_of_child;
    OwnedFd end;
  };
  pid_t pid = -1;
  OwnedFd pidfd;
  // Our ends of what was to be a pipe.
  std::vector<Pipe> pipes;
  // It was moved into its cgroup after its birth, because it could not be born there.
  bool migrated = false;
};

// Why there is no process: a negative errno, the system call, and its path where it had one.
struct SpawnFailure {
  int error = 0;
  const char* call = nullptr;
  std::string path;
};

// Makes a process and has it execute a program. When this returns it does so, or there is a failure (`error`
// is not 0) and nothing is left.
//
// As vfork(2): no page table is copied, whatever the size of the parent, and the calling thread stands still
// until the program is executed. The other threads run on. The caller reaps the child.
SpawnFailure Spawn(const SpawnRequest& request, Spawned* spawned);

}  // namespace cofferdam
