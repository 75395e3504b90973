#include "netns_entry.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace cofferdam {

namespace {

// Small, because one is mapped for each call; sanitizers need more than the bodies themselves.
constexpr size_t kStackBytes = 256 * 1024;

// How long a thread may have to wait for our CPU before it gets any: two milliseconds.
constexpr long kPinnedNanoseconds = 2'000'000;

// How long ShareMount waits for its lock: a tenth of a second.
constexpr int kLockAttempts = 100;
constexpr useconds_t kLockPauseMicroseconds = 1000;

struct Job {
  const std::function<int()>* body;
  int result;
};

void* RunJob(void* argument) {
  Job* job = static_cast<Job*>(argument);
  job->result = (*job->body)();
  return nullptr;
}

#ifdef __GLIBC__

// A new thread begins on the CPU that seems least busy. That may be one where the kernel is taking old
// namespaces apart, and then it waits there for milliseconds while ours stands still. Our own CPU is free
// from the moment when we wait for it.
void BeginHere(pthread_attr_t* attributes) {
  int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(here, &cpus);
  pthread_attr_setaffinity_np(attributes, sizeof cpus, &cpus);
}

void BeginAnywhere(pthread_attr_t* attributes) {
  cpu_set_t any = {};
  pthread_attr_setaffinity_np(attributes, 0, &any);
}

// Waits for a thread that began here. One that somebody keeps from our CPU may soon run on any.
void Join(pthread_t thread) {
  timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_nsec += kPinnedNanoseconds;
  if (deadline.tv_nsec >= 1'000'000'000) {
    deadline.tv_nsec -= 1'000'000'000;
    ++deadline.tv_sec;
  }
  if (pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &deadline) == 0) return;
  cpu_set_t all;
  if (pthread_getaffinity_np(pthread_self(), sizeof all, &all) == 0) {
    pthread_setaffinity_np(thread, sizeof all, &all);
  }
  pthread_join(thread, nullptr);
}

#else

void BeginHere(pthread_attr_t*) {}
void BeginAnywhere(pthread_attr_t*) {}
void Join(pthread_t thread) {
  pthread_join(thread, nullptr);
}

#endif

// pthread_create and not std::thread: the latter throws where a thread cannot be had, and that is an everyday
// EAGAIN under RLIMIT_NPROC or pids.max.
int RunOnOwnThread(const std::function<int()>& body) {
  Job job = {&body, 0};
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes); error != 0) return -error;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  BeginHere(&attributes);
  // The thread inherits a full mask: no signal handler of the host program ever runs in another namespace.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, RunJob, &job);
  // We have just been taken off that CPU (cpuset(7)).
  if (error == EINVAL) {
    BeginAnywhere(&attributes);
    error = pthread_create(&thread, &attributes, RunJob, &job);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return -error;
  Join(thread);
  return job.result;
}

bool IsNamespaceFile(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 && status.f_type == NSFS_MAGIC;
}

// Hands on `fd` if it is a network namespace, else closes it and says why.
Result<OwnedFd> Checked(OwnedFd fd) {
  if (int error = CheckNetns(fd.get()); error < 0) return Errno{error};
  return fd;
}

bool HasEnded(const OwnedFd& pidfd) {
  pollfd entry = {pidfd.get(), POLLIN, 0};
  return poll(&entry, 1, 0) != 0;
}

}  // namespace

int RunInNetns(int netns_fd, const std::function<int()>& body) {
  return RunOnOwnThread([&] {
    if (setns(netns_fd, CLONE_NEWNET) < 0) return -errno;
    return body();
  });
}

Result<OwnedFd> CreateNetns() {
  OwnedFd fd;
  int error = RunOnOwnThread([&] {
    if (unshare(CLONE_NEWNET) < 0) return -errno;
    Result<OwnedFd> opened = OwnedFd::Open("/proc/thread-self/ns/net", O_RDONLY);
    if (!opened.ok()) return opened.error();
    fd = std::move(opened).value();
    return 0;
  });
  if (error < 0) return Errno{error};
  return fd;
}

Result<OwnedFd> OpenNetns(const char* path) {
  // O_NONBLOCK and O_NOCTTY: the path is somebody's input, and a FIFO would hold us until it has a writer, a
  // terminal would become ours.
  Result<OwnedFd> fd = OwnedFd::Open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd.ok()) return fd;
  return Checked(std::move(fd).value());
}

Result<OwnedFd> OpenNetnsOfPid(pid_t pid) {
  Result<OwnedFd> pidfd = OwnedFd::Pidfd(pid);
  if (!pidfd.ok()) return pidfd;
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
  Result<OwnedFd> netns = OwnedFd::Open(path, O_RDONLY);
  // The number may have gone to another process between the two lines above. If ours still lives, it has not:
  // what was opened is its namespace. If it does not, what was opened proves nothing, nor does the error.
  if (HasEnded(pidfd.value())) return Errno{-ESRCH};
  if (!netns.ok()) return netns;
  return Checked(std::move(netns).value());
}

Result<OwnedFd> DuplicateNetns(int fd) {
  Result<OwnedFd> copy = OwnedFd::Duplicate(fd);
  if (!copy.ok()) return copy;
  return Checked(std::move(copy).value());
}

int CheckNetns(int fd) {
  // The file system first: an ioctl number means something else to every driver.
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return -errno;
  if (status.f_type != NSFS_MAGIC) return -EINVAL;
  int type = ioctl(fd, NS_GET_NSTYPE);
  if (type < 0) return -errno;
  return type == CLONE_NEWNET ? 0 : -EINVAL;
}

int MountNetns(int netns_fd, const char* path) {
  if (int error = CheckNetns(netns_fd); error < 0) return error;
  char source[32];
  snprintf(source, sizeof source, "/proc/self/fd/%d", netns_fd);
  return mount(source, path, nullptr, MS_BIND, nullptr) < 0 ? -errno : 0;
}

int UnmountNetns(const char* path) {
  // Through an fd of the very mount that was looked at: MNT_DETACH on the wrong path takes a whole tree away.
  Result<OwnedFd> target = OwnedFd::Open(path, O_PATH | O_NOFOLLOW);
  if (!target.ok()) return target.error();
  if (!IsNamespaceFile(target.value().get())) return -EINVAL;
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", target.value().get());
  return umount2(link, MNT_DETACH) < 0 ? -errno : 0;
}

int ShareMount(const char* directory) {
  Result<OwnedFd> lock = OwnedFd::Open(directory, O_RDONLY | O_DIRECTORY);
  if (!lock.ok()) return lock.error();
  // Whoever is at it at the same time, `ip netns add` included, takes this lock. Two bind mounts in a race
  // would nest, and each further one would double what is mounted below. The others need microseconds: a lock
  // that lasts is not theirs, and the caller is an event loop.
  for (int attempt = 0; flock(lock.value().get(), LOCK_EX | LOCK_NB) < 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR) return -errno;
    if (attempt == kLockAttempts) return -EBUSY;
    usleep(kLockPauseMicroseconds);
  }
  if (mount("", directory, "none", MS_SHARED | MS_REC, nullptr) == 0) return 0;
  // EINVAL says: no mount point. Only now, under the lock, is that a reason to make it one.
  if (errno != EINVAL) return -errno;
  if (mount(directory, directory, "none", MS_BIND | MS_REC, nullptr) < 0) return -errno;
  return mount("", directory, "none", MS_SHARED | MS_REC, nullptr) < 0 ? -errno : 0;
}

}  // namespace cofferdam
