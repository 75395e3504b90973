#include "pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

// That of the system's own devpts; without one the host's.
constexpr const char* kMultiplexers[] = {"/dev/pts/ptmx", "/dev/ptmx"};

}  // namespace

Failure OpenPty(const MessageReader& system, const MessageReader& request, std::vector<OwnedFd>* fds,
                OwnedFd* master) {
  const uint64_t wanted = request.Number(Tag::kPty);
  if (wanted == 0) return {};
  // What lies there is what programs have left there: a FIFO must not make us wait.
  for (const char* path : kMultiplexers)
    if (!master->ok()) *master = NewFd(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!master->ok()) return {-errno, "open", kMultiplexers[0]};
  int locked = 0;
  if (ioctl(master->get(), TIOCSPTLCK, &locked) < 0) return {-errno, "ioctl", "TIOCSPTLCK"};
  // By its other side and not by a path, which might lead elsewhere.
  NewFd slave(ioctl(master->get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.ok()) return {-errno, "ioctl", "TIOCGPTPEER"};
  const uint64_t window = request.Number(Tag::kWindow);
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(window);
  size.ws_row = static_cast<unsigned short>(window >> 16);
  if (ioctl(master->get(), TIOCSWINSZ, &size) < 0) return {-errno, "ioctl", "TIOCSWINSZ"};
  const MessageReader& user = request.Has(Tag::kUid) ? request : system;
  // Who may not give it away keeps it, and the program has its fds all the same.
  int ignored = fchown(slave.get(), static_cast<uid_t>(user.Number(Tag::kUid)), static_cast<gid_t>(-1));
  static_cast<void>(ignored);
  std::vector<OwnedFd> all;
  auto given = fds->begin();
  for (uint64_t left = wanted; given != fds->end() || left != 0; left >>= 1) {
    if ((left & 1) == 0) {
      if (given == fds->end()) return {-EBADF, "dup", {}};
      all.push_back(std::move(*given++));
      continue;
    }
    Result<OwnedFd> copy = OwnedFd::Duplicate(slave.get());
    if (!copy.ok()) return {copy.error(), "dup", {}};
    all.push_back(std::move(copy).value());
  }
  *fds = std::move(all);
  return {};
}

}  // namespace cofferdam
