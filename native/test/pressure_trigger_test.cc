// PSI triggers: armed, refused with the kernel's reason, fired; nothing left open.
#include "pressure_trigger.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

void ArmsAndRefuses() {
  int before = CountFds();
  {
    Result<OwnedFd> trigger = OpenPressureTrigger(-1, "cpu", "some 150000 2000000");
    if (trigger.error() == -ENOENT || trigger.error() == -EOPNOTSUPP) {
      std::fprintf(stderr, "no PSI in this kernel\n");
      std::exit(77);
    }
    CHECK_EQ(trigger.error(), 0);
    CHECK_EQ(fcntl(trigger.value().get(), F_GETFD), FD_CLOEXEC);
    CHECK_EQ(CountFds(), before + 1);
  }
  CHECK_EQ(OpenPressureTrigger(-1, "cpu", "none 1 2").error(), -EINVAL);
  CHECK_EQ(OpenPressureTrigger(-1, "cpu", "some 3000000 2000000").error(), -EINVAL);
  CHECK_EQ(OpenPressureTrigger(-1, "cpu", "some 150000 20000000").error(), -EINVAL);
  CHECK_EQ(OpenPressureTrigger(-1, "nonexistent", "some 150000 2000000").error(), -ENOENT);
  CHECK_EQ(OpenPressureTrigger(-1, "../self/status", "some 150000 2000000").error(), -EXDEV);
  WithFdLimit(0, [] { CHECK_EQ(OpenPressureTrigger(-1, "cpu", "some 150000 2000000").error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
}

// Two that want one CPU: one of them waits, and that is pressure.
void Fires() {
  OwnedFd trigger = OpenPressureTrigger(-1, "cpu", "some 50000 2000000").value();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  std::vector<pid_t> busy;
  for (int i = 0; i < 2; ++i) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      sched_setaffinity(0, sizeof one, &one);
      for (;;) {
      }
    }
    busy.push_back(child);
  }
  pollfd entry = {trigger.get(), POLLPRI, 0};
  CHECK_EQ(poll(&entry, 1, 60'000), 1);
  CHECK_EQ(entry.revents, POLLPRI);
  for (pid_t child : busy) {
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
  }
}

}  // namespace

int main() {
  int before = CountFds();
  ArmsAndRefuses();
  Fires();
  CHECK_EQ(CountFds(), before);
  return 0;
}
