#pragma once

#include <sys/types.h>

#include "result.h"

namespace cofferdam {

// The one owner of a file descriptor. Every fd of this library is born inside one, close-on-exec from the
// line of its system call on, so that neither a fork in another thread nor an early return can leak it.
//
// Builds with COFFERDAM_DEBUG keep a table of all owned fds of the process and abort, with a stack, when a
// second owner adopts an fd or when an fd turns out to be closed behind its owner's back.
class OwnedFd {
 public:
  OwnedFd() = default;
  ~OwnedFd() { Close(); }
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.Give()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;

  // open(2); O_CLOEXEC is added.
  static Result<OwnedFd> Open(const char* path, int flags);
  // openat2(2) below `directory`, which no "..", symbolic link or absolute path leaves (RESOLVE_BENEATH);
  // O_CLOEXEC is added. -EXDEV for a path that would.
  static Result<OwnedFd> OpenBeneath(int directory, const char* path, int flags);
  // socket(2); SOCK_CLOEXEC is added.
  static Result<OwnedFd> Socket(int domain, int type, int protocol);
  // fcntl(2) F_DUPFD_CLOEXEC, at 3 or above: a duplicate never becomes somebody's stdin.
  static Result<OwnedFd> Duplicate(int fd);
  // pidfd_open(2), which is always close-on-exec.
  static Result<OwnedFd> Pidfd(pid_t pid);
  // pidfd_getfd(2): a duplicate of an fd of another process; the kernel makes it close-on-exec.
  static Result<OwnedFd> OfProcess(int pidfd, int fd);
  // pipe2(2), O_CLOEXEC. 0 or a negative errno.
  static int Pipe(OwnedFd* read_end, OwnedFd* write_end);
  // inotify_init1(2), never waiting.
  static Result<OwnedFd> Inotify();
  // ioctl(2) SIOCGSKNS: the network namespace of a socket; the kernel opens it close-on-exec.
  static Result<OwnedFd> NetnsOfSocket(int socket);

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

  // Idempotent. 0, or the negative errno of close(2). Never retried: Linux has released the number even when
  // close says EINTR, and a second close could hit another thread's new fd.
  int Close();
  // Hands the number to an owner outside of native code: a stream of Node's, which will close it.
  int Release();

 protected:
  // Takes over an fd that the caller has just got from the kernel; none where that said no.
  explicit OwnedFd(int fd);

 private:
  int Give() noexcept;

  int fd_ = -1;
};

}  // namespace cofferdam
