#include "pidfd.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "check.h"
#include "owned_fd.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// A child that does `body`, by fork: how a process ends is told the same way however it was born.
pid_t Forked(const std::function<void()>& body) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  return child;
}

OwnedFd Opened(pid_t pid) {
  Result<OwnedFd> pidfd = OwnedFd::Pidfd(pid);
  CHECK_EQ(pidfd.error(), 0);
  return std::move(pidfd).value();
}

void AwaitEnd(const OwnedFd& pidfd) {
  pollfd entry = {pidfd.get(), POLLIN, 0};
  CHECK_EQ(poll(&entry, 1, 60'000), 1);
}

void Sleep() {
  for (;;) pause();
}

void TellsExitCodes() {
  for (int code : {0, 7, 255}) {
    OwnedFd pidfd = Opened(Forked([code] { _exit(code); }));
    AwaitEnd(pidfd);
    Result<ProcessExit> exit = ChildExit(pidfd.get(), false);
    CHECK_EQ(exit.error(), 0);
    CHECK_EQ(exit.value().reason, CLD_EXITED);
    CHECK_EQ(exit.value().status, code);
    CHECK(exit.value().has_usage);
    // Still there for others, and then no more.
    CHECK_EQ(SendSignal(pidfd.get(), 0), 0);
    CHECK_EQ(ReapedExit(pidfd.get()).ok(), false);
    CHECK_EQ(ChildExit(pidfd.get(), true).error(), 0);
    CHECK_EQ(ChildExit(pidfd.get(), true).error(), -ECHILD);
    CHECK_EQ(SendSignal(pidfd.get(), 0), -ESRCH);
    CHECK(HasEnded(pidfd.get()));
  }
}

void TellsSignals() {
  pid_t pid = Forked(Sleep);
  OwnedFd pidfd = Opened(pid);
  CHECK(!HasEnded(pidfd.get()));
  CHECK_EQ(ChildExit(pidfd.get(), true).error(), -EAGAIN);
  CHECK_EQ(ChildExitByPid(pid, true).error(), -EAGAIN);
  CHECK_EQ(SendSignal(pidfd.get(), 65), -EINVAL);
  CHECK_EQ(SendSignal(pidfd.get(), -1), -EINVAL);
  CHECK_EQ(SendSignal(-1, SIGKILL), -EBADF);
  CHECK_EQ(SendSignal(STDERR_FILENO, SIGKILL), -EBADF);
  CHECK_EQ(SendSignal(pidfd.get(), SIGTERM), 0);
  AwaitEnd(pidfd);
  Result<ProcessExit> exit = ChildExit(pidfd.get(), true);
  CHECK_EQ(exit.error(), 0);
  CHECK_EQ(exit.value().reason, CLD_KILLED);
  CHECK_EQ(exit.value().status, SIGTERM);
}

// Of a process that somebody else reaps. Its parent is a child of ours.
void TellsOthersWhereTheKernelDoes() {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  int go[2];
  CHECK_EQ(pipe(go), 0);
  pid_t parent = Forked([&] {
    pid_t child = Forked([&] {
      char byte;
      (void)!read(go[0], &byte, 1);
      _exit(9);
    });
    (void)!write(ends[1], &child, sizeof child);
    waitpid(child, nullptr, 0);
    Sleep();
  });
  pid_t grandchild = 0;
  CHECK_EQ(read(ends[0], &grandchild, sizeof grandchild), sizeof grandchild);
  OwnedFd pidfd = Opened(grandchild);
  CHECK_EQ(ChildExit(pidfd.get(), true).error(), -ECHILD);
  int running = ReapedExit(pidfd.get()).error();
  CHECK(running == -EAGAIN || running == -ENOTTY || running == -EINVAL);
  CHECK_EQ(write(go[1], "x", 1), 1);
  AwaitEnd(pidfd);
  while (SendSignal(pidfd.get(), 0) == 0) usleep(1000);
  Result<ProcessExit> exit = ReapedExit(pidfd.get());
  // Told since 6.15; where it is told, it is right.
  if (exit.ok()) {
    CHECK_EQ(exit.value().reason, CLD_EXITED);
    CHECK_EQ(exit.value().status, 9);
    CHECK(!exit.value().has_usage);
  } else {
    std::printf("this kernel does not tell the exit of others (%d)\n", exit.error());
  }
  CHECK_EQ(kill(parent, SIGKILL), 0);
  CHECK_EQ(waitpid(parent, nullptr, 0), parent);
  for (int fd : {ends[0], ends[1], go[0], go[1]}) close(fd);
}

void CountsWhatAChildUsed() {
  OwnedFd pidfd = Opened(Forked([] {
    rusage used;
    do {
      getrusage(RUSAGE_SELF, &used);
    } while (used.ru_utime.tv_sec == 0 && used.ru_utime.tv_usec + used.ru_stime.tv_usec < 50'000);
  }));
  AwaitEnd(pidfd);
  Result<ProcessExit> exit = ChildExit(pidfd.get(), true);
  CHECK_EQ(exit.error(), 0);
  const rusage& used = exit.value().usage;
  CHECK(used.ru_utime.tv_usec + used.ru_stime.tv_usec >= 50'000 || used.ru_utime.tv_sec > 0);
  CHECK(used.ru_maxrss > 0);
}

void DuplicatesFdsOfOthers() {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  pid_t pid = Forked(Sleep);
  OwnedFd pidfd = Opened(pid);
  {
    Result<OwnedFd> copy = OwnedFd::OfProcess(pidfd.get(), ends[1]);
    CHECK_EQ(copy.error(), 0);
    CHECK_EQ(write(copy.value().get(), "!", 1), 1);
    char byte = 0;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, '!');
    CHECK_EQ(OwnedFd::OfProcess(pidfd.get(), 99'999).error(), -EBADF);
    WithFdLimit(0, [&] { CHECK_EQ(OwnedFd::OfProcess(pidfd.get(), ends[1]).error(), -EMFILE); });
  }
  SendSignal(pidfd.get(), SIGKILL);
  ReapEnding(pidfd.get());
  CHECK_EQ(OwnedFd::OfProcess(pidfd.get(), 0).error(), -ESRCH);
  close(ends[0]);
  close(ends[1]);
}

// In a child: it concerns a whole process.
void TakesOrphansIn() {
  Outcome outcome = RunInChild([] {
    CHECK_EQ(IsSubreaper(), 0);
    CHECK_EQ(SetSubreaper(true), 0);
    CHECK_EQ(IsSubreaper(), 1);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    pid_t middle = Forked([&] {
      pid_t orphan = Forked([] { usleep(50'000); });
      (void)!write(ends[1], &orphan, sizeof orphan);
    });
    CHECK_EQ(waitpid(middle, nullptr, 0), middle);
    pid_t orphan = 0;
    CHECK_EQ(read(ends[0], &orphan, sizeof orphan), sizeof orphan);
    OwnedFd pidfd = Opened(orphan);
    AwaitEnd(pidfd);
    CHECK_EQ(ChildExitByPid(orphan, true).error(), 0);
    CHECK_EQ(ChildExitByPid(orphan, true).error(), -ECHILD);
    CHECK_EQ(SetSubreaper(false), 0);
    CHECK_EQ(IsSubreaper(), 0);
  });
  if (outcome.exit_code != 0 || outcome.signal != 0) std::fputs(outcome.errors.c_str(), stderr);
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
}

}  // namespace

int main() {
  int before = CountFds();
  TellsExitCodes();
  TellsSignals();
  TellsOthersWhereTheKernelDoes();
  CountsWhatAChildUsed();
  DuplicatesFdsOfOthers();
  TakesOrphansIn();
  CHECK_EQ(CountFds(), before);
  return 0;
}
