#pragma once

#include <sys/types.h>

#include <functional>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

// Network namespaces, see network_namespaces(7) and ioctl_ns(2).
//
// setns(2) and unshare(2) act on one thread. They happen on a thread that is made for that one call and ends
// with it, never on the caller's: a thread that fails to find its way home would open everybody's sockets
// abroad.

// Runs `body` inside the namespace of `netns_fd` and waits for it. What `body` returns, or a negative errno
// when it could not be run. Sockets that it opened stay in that namespace.
int RunInNetns(int netns_fd, const std::function<int()>& body);

// A new, unnamed namespace that only the returned fd keeps alive.
Result<OwnedFd> CreateNetns();
// -EINVAL where `path` is anything but a network namespace.
Result<OwnedFd> OpenNetns(const char* path);
// -ESRCH where the process ended, even if its number is in use again.
Result<OwnedFd> OpenNetnsOfPid(pid_t pid);
Result<OwnedFd> DuplicateNetns(int fd);

// 0 if `fd` is a network namespace, -EINVAL if it is something else, -EBADF if it is nothing.
int CheckNetns(int fd);

// Bind-mounts the namespace onto an existing file, which gives it a name.
int MountNetns(int netns_fd, const char* path);
// Unmounts what MountNetns mounted; -EINVAL where the topmost mount at `path` is no namespace.
int UnmountNetns(const char* path);
// Makes a directory a mount that propagates; bind-mounts it onto itself first where it is no mount point.
// -EBUSY where somebody else holds the lock on it for long.
int ShareMount(const char* directory);

}  // namespace cofferdam
