// Programs are started as they were asked for, or it is said why not, and nothing is left.
#include "spawn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "check.h"
#include "netns_entry.h"
#include "spawn_support.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

void RunsPrograms() {
  SpawnRequest request = Shell("echo \"$0 $1 $HOME\"; exit 7");
  request.argv.insert(request.argv.end(), {"zero", "one two"});
  request.env.push_back("HOME=/nowhere");
  Ended ended = Run(request);
  CheckText(ended.output, "zero one two /nowhere\n");
  CHECK_EQ(ended.exit.reason, CLD_EXITED);
  CHECK_EQ(ended.exit.status, 7);
}

void ArrangesFds() {
  // 0, 1 and 2 turned round, more beyond, and none but these: not even one that lost its close-on-exec.
  OwnedFd null = OwnedFd::Open("/dev/null", O_RDWR).value();
  OwnedFd zero = OwnedFd::Open("/dev/zero", O_RDONLY).value();
  int plain = dup(null.get());
  SpawnRequest request = Shell("for fd in 0 2 3 5; do readlink /proc/$$/fd/$fd; done; ls /proc/$$/fd");
  request.stdio = {zero.get(), SpawnRequest::kPipe, null.get(), STDIN_FILENO, STDERR_FILENO, zero.get()};
  char stdin_target[256] = {};
  CHECK(readlink("/proc/self/fd/0", stdin_target, sizeof stdin_target - 1) > 0);
  CheckText(Run(request).output,
            std::string("/dev/zero\n/dev/null\n") + stdin_target + "\n/dev/zero\n0\n1\n2\n3\n4\n5\n");
  close(plain);
  // As they are, and with a source in the way of another one.
  request = Shell("readlink /proc/self/fd/0");
  request.stdio = {2, SpawnRequest::kPipe, 0};
  CHECK_EQ(Run(request).exit.status, 0);
  request.stdio = {-1, -2, 99'999};
  CheckFailure(request, -EBADF, "dup3", "");
  // A blocking stdout, though ours does not block.
  int ends[2];
  CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  request = Shell("cat /proc/self/fdinfo/0");
  request.stdio[0] = ends[0];
  Ended ended = Run(request);
  CHECK(ended.output.find("flags:\t00\n") != std::string::npos);
  close(ends[0]);
  close(ends[1]);
}

void ResetsSignals() {
  struct sigaction ignore = {}, before;
  ignore.sa_handler = SIG_IGN;
  CHECK_EQ(sigaction(SIGPIPE, &ignore, &before), 0);
  sigset_t mask, old;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, &mask, &old), 0);
  Ended ended = Run(Shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n'"));
  CheckText(ended.output, "SigBlk:\t0000000000000000SigIgn:\t0000000000000000");
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &old, &after);
  CHECK_EQ(sigismember(&after, SIGUSR1), 1);
  CHECK_EQ(sigismember(&after, SIGTERM), 0);
  CHECK_EQ(sigaction(SIGPIPE, &before, &ignore), 0);
  CHECK(ignore.sa_handler == SIG_IGN);
}

void SaysWhatFailed() {
  SpawnRequest request = Shell("true");
  request.argv = {"no-such-program"};
  request.paths = {"/nonexistent/a", "/nonexistent/b"};
  CheckFailure(request, -ENOENT, "execve", "no-such-program");
  request.paths = {};
  CheckFailure(request, -ENOENT, "execve", "no-such-program");
  // What may not be executed is passed over, and told where nothing else is found.
  request.paths = {"/etc/passwd", "/nonexistent/b"};
  CheckFailure(request, -EACCES, "execve", "/etc/passwd");
  request.paths = {"/etc/passwd/x"};
  CheckFailure(request, -ENOTDIR, "execve", "no-such-program");
  request.paths = {"/etc"};
  CheckFailure(request, -EACCES, "execve", "/etc");
  request = Shell("true");
  request.cwd = "/nonexistent";
  CheckFailure(request, -ENOENT, "chdir", "/nonexistent");
  request = Shell("true");
  request.cwd_fd = STDERR_FILENO;
  SpawnFailure failure;
  Spawned spawned;
  failure = Spawn(request, &spawned);
  CheckText(failure.call, "fchdir");
  request = Shell("true");
  request.netns_fd = 99'999;
  CheckFailure(request, -EBADF, "setns", "");
  request = Shell("true");
  request.cgroup_fd = 99'999;
  CheckFailure(request, -EBADF, "clone3", "");
  request = Shell("true");
  request.argv.resize(3);
  request.argv.push_back(std::string(4 << 20, 'x'));
  CheckFailure(request, -E2BIG, "execve", "/bin/sh");
  CheckChildless();
}

void RunsScriptsWithoutAFirstLine() {
  std::string path = "/tmp/cofferdam-spawn-test-" + std::to_string(getpid());
  int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);
  CHECK(fd >= 0);
  const char text[] = "echo script \"$1\"\n";
  CHECK_EQ(write(fd, text, sizeof text - 1), sizeof text - 1);
  close(fd);
  SpawnRequest request = Shell("");
  request.argv = {"script", "argument"};
  request.paths = {path};
  CheckText(Run(request).output, "script argument\n");
  unlink(path.c_str());
}

void NothingStaysOpenWhereFdsRunOut() {
  SpawnRequest request = Shell("true");
  request.stdio = {SpawnRequest::kNull, SpawnRequest::kPipe, SpawnRequest::kPipe};
  int before = CountFds();
  // /dev/null, two pipes, the pidfd.
  for (int more = 0; more < 6; ++more) {
    WithFdLimit(more, [&] {
      Spawned spawned;
      SpawnFailure failure = Spawn(request, &spawned);
      CHECK_EQ(failure.error, -EMFILE);
      CHECK_EQ(spawned.pid, -1);
    });
    CHECK_EQ(CountFds(), before);
    CheckChildless();
  }
  WithFdLimit(8, [&] { CHECK_EQ(Run(request).exit.status, 0); });
}

void StartsInANetns() {
  OwnedFd netns = CreateNetns().value();
  struct stat status;
  CHECK_EQ(fstat(netns.get(), &status), 0);
  unsigned long long home = ThreadNetns();
  SpawnRequest request = Shell("readlink /proc/self/ns/net; readlink /proc/self/ns/mnt; ls /sys/class/net");
  request.netns_fd = netns.get();
  request.mounts = SpawnRequest::Mounts{true, {{"/etc/passwd", "/etc/hostname"}}};
  request.argv[2] = "readlink /proc/self/ns/net; ls /sys/class/net; cmp /etc/passwd /etc/hostname";
  Ended ended = Run(request);
  CheckText(ended.output, "net:[" + std::to_string(status.st_ino) + "]\nlo\n");
  CHECK_EQ(ended.exit.status, 0);
  CHECK_EQ(ThreadNetns(), home);
  CHECK(system("cmp -s /etc/passwd /etc/hostname") != 0);
  request.mounts->binds[0].target = "/nonexistent/file";
  CheckFailure(request, -ENOENT, "mount", "/nonexistent/file");
}

}  // namespace

int main() {
  EnterOwnNetns();
  int before = CountFds();
  RunsPrograms();
  ArrangesFds();
  ResetsSignals();
  SaysWhatFailed();
  RunsScriptsWithoutAFirstLine();
  NothingStaysOpenWhereFdsRunOut();
  StartsInANetns();
  CHECK_EQ(CountFds(), before);
  return 0;
}
