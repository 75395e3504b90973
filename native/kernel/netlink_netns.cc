#include "netlink_netns.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "netns_entry.h"

namespace cofferdam {

Result<NetlinkIo> OpenNetlinkIn(int netns_fd, const NetlinkOptions& options) {
  if (netns_fd < 0) return NetlinkIo::Open(options);
  // A socket stands for the namespace that it lives in. A namespace's own fd is no socket, which is ENOTTY;
  // any other failure is the answer: without it, running out of fds would read as "not a network namespace".
  Result<OwnedFd> of_socket = OwnedFd::NetnsOfSocket(netns_fd);
  if (of_socket.ok()) {
    netns_fd = of_socket.value().get();
  } else if (of_socket.error() != -ENOTTY) {
    return of_socket.failure();
  }
  NetlinkIo io;
  int error = RunInNetns(netns_fd, [&] {
    Result<NetlinkIo> opened = NetlinkIo::Open(options);
    if (!opened.ok()) return opened.error();
    io = std::move(opened).value();
    return 0;
  });
  if (error < 0) return Errno{error};
  // It cannot be asked on this thread without CAP_NET_ADMIN.
  struct stat status;
  if (fstat(netns_fd, &status) == 0) io.netns_inode_ = status.st_ino;
  return io;
}

}  // namespace cofferdam
