#include "netns_socket.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
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

int BindSocket(int fd, const char* address, uint16_t port, const char* zone, bool reuse) {
  int family = 0;
  socklen_t size = sizeof family;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return -errno;
  sockaddr_in in = {};
  sockaddr_in6 in6 = {};
  in.sin_family = AF_INET;
  in6.sin6_family = AF_INET6;
  in.sin_port = in6.sin6_port = htons(port);
  if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
  void* to = family == AF_INET ? static_cast<void*>(&in.sin_addr) : &in6.sin6_addr;
  if (inet_pton(family, address, to) != 1) return -EINVAL;
  if (*zone != '\0') {
    ifreq link = {};
    if (strlen(zone) >= sizeof link.ifr_name) return -ENODEV;
    strcpy(link.ifr_name, zone);
    if (ioctl(fd, SIOCGIFINDEX, &link) < 0) return -errno;
    in6.sin6_scope_id = static_cast<uint32_t>(link.ifr_ifindex);
  }
  const int on = 1;
  if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -errno;
  const sockaddr* place =
      family == AF_INET ? reinterpret_cast<sockaddr*>(&in) : reinterpret_cast<sockaddr*>(&in6);
  return bind(fd, place, family == AF_INET ? sizeof in : sizeof in6) < 0 ? -errno : 0;
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
