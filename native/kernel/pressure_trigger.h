#pragma once

#include <string_view>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

// A PSI trigger, Documentation/accounting/psi.rst: an fd that poll(2) says POLLPRI of each time the tasks of
// a cgroup were held up for so long within a window.
//
// `file` is cpu.pressure, memory.pressure or io.pressure below the cgroup's `directory`; for a `directory` of
// -1 it is a file of /proc/pressure. `trigger` is "some 150000 2000000": stall and window in microseconds.
// -EOPNOTSUPP where the kernel was started with psi=0, -EINVAL for a window of less than two seconds without
// CAP_SYS_RESOURCE.
Result<OwnedFd> OpenPressureTrigger(int directory, const char* file, std::string_view trigger);

}  // namespace cofferdam
