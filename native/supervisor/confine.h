#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace cofferdam {

// What a process gives up before it becomes somebody else's program.
//
// Plain data, made ready before the process was cloned: the process may allocate nothing and lock nothing.
struct Confinement {
  // Gone for good, from the bounding set on: bit n is capability n of linux/capability.h.
  uint64_t dropped_capabilities = 0;
  bool no_new_privs = true;
  // struct sock_filter[]; nullptr: no filter.
  const void* seccomp = nullptr;
  size_t seccomp_bytes = 0;
  // The name of a profile, for the next execve; nullptr: none.
  const char* apparmor = nullptr;
  int landlock_ruleset_fd = -1;
  // As the process's own user namespace counts them.
  uid_t uid = 0;
  gid_t gid = 0;
  // Supplementary groups. nullptr leaves those that there are, since a user namespace of an unprivileged
  // maker forbids setgroups(2).
  const gid_t* groups = nullptr;
  size_t group_count = 0;
};

// Confines the calling process, which has one thread. User 0 keeps what it has of the capabilities, less
// those dropped; any other user keeps none. Nothing is inheritable: what execve gives to user 0 is the
// bounding set.
//
// 0, or a negative errno and the name of the call that failed. A process that is confined by half must end.
//
// A change of ids clears PR_SET_PDEATHSIG, as it does in any process: say that afterwards.
int Confine(const Confinement& confinement, const char** call);

}  // namespace cofferdam
