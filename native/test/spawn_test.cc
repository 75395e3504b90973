#include "spawn.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "netns_entry.h"
#include "pidfd.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

SpawnRequest Shell(const char* script) {
  SpawnRequest request;
  request.argv = {"sh", "-c", script};
  request.env = {"PATH=/bin:/usr/bin"};
  request.paths = {"/nonexistent/sh", "/bin/sh"};
  request.stdio = {SpawnRequest::kNull, SpawnRequest::kPipe, STDERR_FILENO};
  return request;
}

struct Ended {
  ProcessExit exit;
  std::string output;
};

Ended Finish(Spawned* spawned) {
  Ended ended = {};
  for (Spawned::Pipe& pipe : spawned->pipes) {
    char buffer[4096];
    for (ssize_t length; (length = read(pipe.end.get(), buffer, sizeof buffer)) > 0;)
      ended.output.append(buffer, static_cast<size_t>(length));
  }
  pollfd entry = {spawned->pidfd.get(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&entry, 1, 20'000);
  } while (ready < 0 && errno == EINTR);
  CHECK_EQ(ready, 1);
  Result<ProcessExit> exit = ChildExit(spawned->pidfd.get(), true);
  CHECK_EQ(exit.error(), 0);
  ended.exit = exit.value();
  return ended;
}

Ended Run(const SpawnRequest& request) {
  Spawned spawned;
  SpawnFailure failure = Spawn(request, &spawned);
  if (failure.error != 0) std::fprintf(stderr, "%s %s\n", failure.call, failure.path.c_str());
  CHECK_EQ(failure.error, 0);
  CHECK(spawned.pid > 0);
  CHECK_EQ(fcntl(spawned.pidfd.get(), F_GETFD), FD_CLOEXEC);
  return Finish(&spawned);
}

void CheckText(const std::string& actual, const std::string& expected) {
  if (actual == expected) return;
  std::fprintf(stderr, "'%s' is not '%s'\n", actual.c_str(), expected.c_str());
  std::exit(1);
}

// No child is left: neither running nor to be reaped.
void CheckChildless() {
  CHECK_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  CHECK_EQ(errno, ECHILD);
}

void CheckFailure(const SpawnRequest& request, int error, const char* call, const char* path) {
  int before = CountFds();
  Spawned spawned;
  SpawnFailure failure = Spawn(request, &spawned);
  CHECK_EQ(failure.error, error);
  CheckText(failure.call, call);
  CheckText(failure.path, path);
  CHECK_EQ(spawned.pid, -1);
  CHECK(!spawned.pidfd.ok());
  CHECK_EQ(CountFds(), before);
  CheckChildless();
}

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

// Where cgroup2 is mounted; empty where it is not.
std::string Cgroup2Mount() {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    return point;
  }
  return {};
}

// A cgroup of this test's own, removed with it.
class TestCgroup {
 public:
  explicit TestCgroup(const std::string& parent)
      : path_(parent + "/cofferdam-spawn-test-" + std::to_string(getpid())) {
    CHECK_EQ(mkdir(path_.c_str(), 0755), 0);
    directory_ = OwnedFd::Open(path_.c_str(), O_RDONLY | O_DIRECTORY).value();
  }
  // Its zombies may still hold it for a moment.
  ~TestCgroup() {
    directory_.Close();
    for (int i = 0; rmdir(path_.c_str()) < 0 && i < 1000; ++i) usleep(1000);
  }
  int fd() const { return directory_.get(); }
  void Write(const char* name, const char* text) const {
    std::ofstream file(path_ + "/" + name);
    file << text;
    file.close();
    CHECK(file.good());
  }
  std::string Read(const char* name) const {
    std::ifstream file(path_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void Kill() const { Write("cgroup.kill", "1"); }

 private:
  std::string path_;
  OwnedFd directory_;
};

void StartsInACgroup() {
  std::string mount = Cgroup2Mount();
  if (mount.empty() || access(mount.c_str(), W_OK) < 0) {
    std::puts("skipped: no cgroup2 to write to");
    return;
  }
  TestCgroup cgroup(mount);
  SpawnRequest request = Shell("grep '^0:' /proc/self/cgroup");
  request.cgroup_fd = cgroup.fd();
  Spawned spawned;
  CHECK_EQ(Spawn(request, &spawned).error, 0);
  CHECK(!spawned.migrated);
  std::string name = "/cofferdam-spawn-test-" + std::to_string(getpid()) + "\n";
  CHECK(Finish(&spawned).output.ends_with(name));
  if (faccessat(cgroup.fd(), "cgroup.kill", W_OK, 0) == 0) {
    // Once killed, many kernels let nobody be born there any more: then one moves in.
    cgroup.Kill();
    CHECK_EQ(Spawn(request, &spawned).error, 0);
    std::printf("in a cgroup that was killed once: %s\n", spawned.migrated ? "moved in" : "born");
    CHECK(Finish(&spawned).output.ends_with(name));
  }
  // The directory of something else.
  OwnedFd etc = OwnedFd::Open("/etc", O_RDONLY | O_DIRECTORY).value();
  request.cgroup_fd = etc.get();
  CheckFailure(request, -EBADF, "clone3", "");
}

void IsNotHeldByACgroup() {
  std::string mount = Cgroup2Mount();
  if (mount.empty() || access(mount.c_str(), W_OK) < 0) return;
  TestCgroup cgroup(mount);
  SpawnRequest request = Shell("true");
  request.cgroup_fd = cgroup.fd();
  cgroup.Write("cgroup.freeze", "1");
  CheckFailure(request, -EBUSY, "clone3", "cgroup.freeze");
  cgroup.Write("cgroup.freeze", "0");
  CHECK_EQ(Run(request).exit.status, 0);

  // Frozen in the midst of it: the child never gets to its program, and clone would not return. So many paths
  // that are not there, ahead of the one that is, keep the child busy for longer than the freezer needs,
  // which waits for it, and for less than the watchdog does.
  request.paths.insert(request.paths.begin(), 200'000, "/nonexistent");
  int before = CountFds();
  std::thread freezer([&] {
    for (int i = 0; cgroup.Read("cgroup.procs").empty() && i < 10'000; ++i) usleep(100);
    cgroup.Write("cgroup.freeze", "1");
  });
  Spawned spawned;
  SpawnFailure failure = Spawn(request, &spawned);
  freezer.join();
  cgroup.Write("cgroup.freeze", "0");
  CHECK_EQ(failure.error, -ETIMEDOUT);
  CHECK_EQ(CountFds(), before);
  CheckChildless();
}

// As where a seccomp filter knows nothing of clone3, which is that of many containers.
void MovesIntoItsCgroupWhereClone3IsHidden() {
  std::string mount = Cgroup2Mount();
  if (mount.empty() || access(mount.c_str(), W_OK) < 0) return;
  TestCgroup cgroup(mount);
  Outcome outcome = RunInChild([&] {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter = {sizeof program / sizeof program[0], program};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0), 0);
    SpawnRequest request = Shell("grep '^0:' /proc/self/cgroup");
    request.cgroup_fd = cgroup.fd();
    Spawned spawned;
    CHECK_EQ(Spawn(request, &spawned).error, 0);
    CHECK(spawned.migrated);
    std::string output = Finish(&spawned).output;
    CHECK(output.find("/cofferdam-spawn-test-") != std::string::npos);
  });
  if (outcome.exit_code != 0) std::fputs(outcome.errors.c_str(), stderr);
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
}

// Threads that allocate, and signals, while processes are made: the child must not be in anybody's way.
void LivesWithThreads() {
  std::atomic<bool> stop = false;
  std::atomic<int> signals = 0;
  static std::atomic<int>* counter = &signals;
  struct sigaction action = {}, before;
  action.sa_handler = [](int) { ++*counter; };
  action.sa_flags = SA_RESTART;
  CHECK_EQ(sigaction(SIGUSR2, &action, &before), 0);
  auto work = [](void* flag) -> void* {
    while (!*static_cast<std::atomic<bool>*>(flag)) {
      std::vector<std::string> many(50, std::string(200, 'x'));
      if (many.back().size() != 200) abort();
      kill(getpid(), SIGUSR2);
    }
    return nullptr;
  };
  pthread_t threads[3];
  for (pthread_t& thread : threads) CHECK_EQ(pthread_create(&thread, nullptr, work, &stop), 0);
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) {
      CHECK_EQ(Run(Shell("exit 3")).exit.status, 3);
    } else {
      SpawnRequest request = Shell("");
      request.paths = {"/nonexistent"};
      Spawned spawned;
      CHECK_EQ(Spawn(request, &spawned).error, -ENOENT);
    }
  }
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  CHECK(signals > 0);
  CHECK_EQ(sigaction(SIGUSR2, &before, nullptr), 0);
}

// A signal for the whole process group meets the child, too, while it is in its parent's memory: no handler
// of the parent's may run in it.
void RunsNoHandlersInTheChild() {
  Outcome outcome = RunInChild([] {
    static std::atomic<int> strays = 0;
    static const pid_t parent = getpid();
    CHECK_EQ(setpgid(0, 0), 0);
    struct sigaction action = {};
    action.sa_handler = [](int) {
      if (syscall(SYS_getpid) != parent) ++strays;
    };
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGUSR2, &action, nullptr), 0);
    std::atomic<bool> stop = false;
    std::thread sender([&] {
      while (!stop) {
        kill(0, SIGUSR2);
        usleep(20);
      }
    });
    SpawnRequest request = Shell("");
    request.stdio = {SpawnRequest::kNull, SpawnRequest::kNull, SpawnRequest::kNull};
    for (int i = 0; i < 100; ++i) {
      Spawned spawned;
      CHECK_EQ(Spawn(request, &spawned).error, 0);
      Finish(&spawned);
    }
    stop = true;
    sender.join();
    CHECK_EQ(strays, 0);
  });
  if (outcome.exit_code != 0) std::fputs(outcome.errors.c_str(), stderr);
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
}

// The signal comes with the end of the thread.
void DiesWithItsThread() {
  Spawned spawned;
  auto body = [](void* result) -> void* {
    SpawnRequest request = Shell("sleep 60");
    request.stdio[1] = SpawnRequest::kNull;
    request.death_signal = SIGTERM;
    CHECK_EQ(Spawn(request, static_cast<Spawned*>(result)).error, 0);
    return nullptr;
  };
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, nullptr, body, &spawned), 0);
  pthread_join(thread, nullptr);
  Ended ended = Finish(&spawned);
  CHECK_EQ(ended.exit.reason, CLD_KILLED);
  CHECK_EQ(ended.exit.status, SIGTERM);
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
  StartsInACgroup();
  IsNotHeldByACgroup();
  MovesIntoItsCgroupWhereClone3IsHidden();
  LivesWithThreads();
  RunsNoHandlersInTheChild();
  DiesWithItsThread();
  CHECK_EQ(CountFds(), before);
  return 0;
}
