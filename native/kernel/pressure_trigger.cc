#include "pressure_trigger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace cofferdam {

Result<OwnedFd> OpenPressureTrigger(int directory, const char* file, std::string_view trigger) {
  Result<OwnedFd> parent = Errno{-EBADF};
  if (directory < 0) {
    parent = OwnedFd::Open("/proc/pressure", O_RDONLY | O_DIRECTORY);
    if (!parent.ok()) return parent;
    directory = parent.value().get();
  }
  Result<OwnedFd> fd = OwnedFd::OpenBeneath(directory, file, O_RDWR | O_NONBLOCK);
  if (!fd.ok()) return fd;
  // With its final null: the kernel overwrites the last byte that it is given.
  std::string text(trigger);
  if (write(fd.value().get(), text.c_str(), text.size() + 1) < 0) return Errno::Last();
  return fd;
}

}  // namespace cofferdam
