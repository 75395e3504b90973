#pragma once

#include <sys/types.h>

#include <cstdint>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

// Sockets and the network namespaces that they live in: a socket stays in the one that it was opened in,
// whoever holds it.

// socket(2) in the namespace of `netns_fd`, on a thread made for it.
Result<OwnedFd> OpenSocketIn(int netns_fd, int family, int type, int protocol);

// bind(2) of a socket of AF_INET or AF_INET6. `address` is numeric; `zone`, where not empty, is the link that
// a link-local one is on, by its name in the namespace of the socket. The address may have been somebody's a
// moment ago (SO_REUSEADDR) where `reuse` says so.
int BindSocket(int fd, const char* address, uint16_t port, const char* zone, bool reuse);

// Inodes of a socket and of its namespace.
struct SocketPlace {
  uint64_t socket;
  uint64_t netns;
};

// Where the socket lives that is fd `fd` of process `pid`: pidfd_getfd(2), which takes the right to trace the
// process, and SIOCGSKNS, which takes CAP_NET_ADMIN over the namespace. The process's socket is held open for
// a moment. -ENOTTY where the fd is no socket, -ESRCH and -EBADF where it is gone.
Result<SocketPlace> FindSocket(pid_t pid, int fd);

}  // namespace cofferdam
