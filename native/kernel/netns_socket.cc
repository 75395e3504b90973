#include "netns_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "netns_entry.h"

namespace cofferdam {

Result<OwnedFd> OpenSocketIn(int netns_fd, int family, int type, int protocol) {
  OwnedFd socket;
  int error = RunInNetns(netns_fd, [&] {
    Result<OwnedFd> opened = OwnedFd::Socket(family, type, protocol);
    if (!opened.ok()) return opened.error();
    socket = std::move(opened).value();
    return 0;
  });
  if (error < 0) return Errno{error};
  return socket;
}

Result<SocketPlace> FindSocket(pid_t pid, int fd) {
  Result<OwnedFd> pidfd = OwnedFd::Pidfd(pid);
  if (!pidfd.ok()) return pidfd.failure();
  Result<OwnedFd> socket = OwnedFd::OfProcess(pidfd.value().get(), fd);
  if (!socket.ok()) return socket.failure();
  // A socket first: ioctl numbers mean something else to every driver.
  struct stat status;
  if (fstat(socket.value().get(), &status) < 0) return Errno::Last();
  if (!S_ISSOCK(status.st_mode)) return Errno{-ENOTTY};
  Result<OwnedFd> netns = OwnedFd::NetnsOfSocket(socket.value().get());
  if (!netns.ok()) return netns.failure();
  uint64_t inode = status.st_ino;
  if (fstat(netns.value().get(), &status) < 0) return Errno::Last();
  return SocketPlace{inode, static_cast<uint64_t>(status.st_ino)};
}

}  // namespace cofferdam
