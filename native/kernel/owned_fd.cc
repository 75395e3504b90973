#include "owned_fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "fd_table.h"

namespace cofferdam {

OwnedFd::OwnedFd(int fd) : fd_(fd < 0 ? -1 : fd) {
  if (ok()) fd_table::Adopt(fd);
}

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Give();
  }
  return *this;
}

int OwnedFd::Give() noexcept {
  return std::exchange(fd_, -1);
}

Result<OwnedFd> OwnedFd::Open(const char* path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

Result<OwnedFd> OwnedFd::OpenBeneath(int directory, const char* path, int flags) {
  open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  int fd = static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

Result<OwnedFd> OwnedFd::Socket(int domain, int type, int protocol) {
  int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

Result<OwnedFd> OwnedFd::Duplicate(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Errno::Last();
  return OwnedFd(copy);
}

Result<OwnedFd> OwnedFd::Pidfd(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  // The number of a thread is EINVAL before Linux 6.15 and ENOENT since.
  if (fd < 0 && errno == ENOENT) return Errno{-EINVAL};
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

Result<OwnedFd> OwnedFd::OfProcess(int pidfd, int fd) {
  int copy = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
  if (copy < 0) return Errno::Last();
  return OwnedFd(copy);
}

int OwnedFd::Pipe(OwnedFd* read_end, OwnedFd* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  *read_end = OwnedFd(ends[0]);
  *write_end = OwnedFd(ends[1]);
  return 0;
}

Result<OwnedFd> OwnedFd::Inotify() {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

Result<OwnedFd> OwnedFd::NetnsOfSocket(int socket) {
  int fd = ioctl(socket, SIOCGSKNS);
  if (fd < 0) return Errno::Last();
  return OwnedFd(fd);
}

int OwnedFd::Close() {
  if (fd_ < 0) return 0;
  int fd = Give();
  // Out of the table first: once close(2) returns, another thread may be given the same number.
  fd_table::Forget(fd);
  if (close(fd) == 0) return 0;
  int error = -errno;
  fd_table::CloseFailed(fd, error);
  return error;
}

int OwnedFd::Release() {
  if (fd_ < 0) return -1;
  fd_table::Forget(fd_);
  return Give();
}

}  // namespace cofferdam
