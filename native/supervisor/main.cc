// cofferdam-supervisor: keeps the disposable systems of one process, and outlives it by as long as it takes
// to remove them. Started by src/system with a socket to join by as fd 3 and a pidfd of the owner as fd 4.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "../kernel/new_fd.h"
#include "supervisor.h"

namespace {

constexpr int kLink = 3;
constexpr int kOwner = 4;

cofferdam::OwnedFd Take(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return cofferdam::NewFd(fd);
}

}  // namespace

int main() {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(kLink, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_SEQPACKET) {
    fputs("cofferdam-supervisor is part of cofferdam, and started by it\n", stderr);
    return 2;
  }
  cofferdam::OwnedFd link = Take(kLink);
  cofferdam::OwnedFd owner = Take(kOwner);
  return cofferdam::Supervisor(std::move(link), std::move(owner)).Run() < 0 ? 1 : 0;
}
