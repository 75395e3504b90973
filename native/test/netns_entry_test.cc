// Network namespaces: made, opened, checked and entered without the calling thread ever leaving its own.
#include "netns_entry.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "check.h"
#include "netlink_io.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

unsigned long long Inode(int fd) {
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  return status.st_ino;
}

OwnedFd Created() {
  Result<OwnedFd> netns = CreateNetns();
  CHECK_EQ(netns.error(), 0);
  return std::move(netns).value();
}

void CreatesAndEnters() {
  unsigned long long home = ThreadNetns();
  OwnedFd netns = Created();
  CHECK_EQ(fcntl(netns.get(), F_GETFD), FD_CLOEXEC);
  CHECK(Inode(netns.get()) != home);
  unsigned long long seen = 0;
  sigset_t mask;
  CHECK_EQ(RunInNetns(netns.get(),
                      [&] {
                        seen = ThreadNetns();
                        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                        return 42;
                      }),
           42);
  CHECK_EQ(seen, Inode(netns.get()));
  CHECK_EQ(sigismember(&mask, SIGTERM), 1);
  CHECK_EQ(ThreadNetns(), home);
  // The mask of the calling thread is as it was.
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  CHECK_EQ(sigismember(&mask, SIGTERM), 0);
}

// A thread that is kept from our CPU runs on another one: here it has to outlast the time that it is tied.
void LongWorkIsDone() {
  OwnedFd netns = Created();
  cpu_set_t cpus, ours;
  CPU_ZERO(&cpus);
  CHECK_EQ(sched_getaffinity(0, sizeof ours, &ours), 0);
  CHECK_EQ(RunInNetns(netns.get(),
                      [&] {
                        // Who unties it is woken for that, and may be late.
                        for (int wait = 0; wait < 10'000 && !CPU_EQUAL(&cpus, &ours); ++wait) {
                          usleep(1000);
                          if (sched_getaffinity(0, sizeof cpus, &cpus) < 0) return -errno;
                        }
                        return 0;
                      }),
           0);
  CHECK(CPU_EQUAL(&cpus, &ours));
}

void SocketsStayWhereTheyWereOpened() {
  OwnedFd netns = Created();
  NetlinkIo io;
  int error = RunInNetns(netns.get(), [&] {
    Result<NetlinkIo> opened = NetlinkIo::Open({NETLINK_ROUTE, 0});
    if (!opened.ok()) return opened.error();
    io = std::move(opened).value();
    return 0;
  });
  CHECK_EQ(error, 0);
  CHECK_EQ(io.NetnsInode(), Inode(netns.get()));
}

void RefusesWhatIsNoNetns() {
  std::string fifo = "/tmp/cofferdam-netns-test-" + std::to_string(getpid());
  CHECK_EQ(mkfifo(fifo.c_str(), 0600), 0);
  CHECK_EQ(OpenNetns(fifo.c_str()).error(), -EINVAL);  // and does not wait for a writer
  unlink(fifo.c_str());
  CHECK_EQ(OpenNetns("/nonexistent").error(), -ENOENT);
  CHECK_EQ(OpenNetns("").error(), -ENOENT);
  CHECK_EQ(OpenNetns("/tmp").error(), -EINVAL);
  CHECK_EQ(OpenNetns("/etc/passwd").error(), -EINVAL);
  CHECK_EQ(OpenNetns("/etc/passwd/net").error(), -ENOTDIR);
  CHECK_EQ(OpenNetns("/dev/null").error(), -EINVAL);
  CHECK_EQ(OpenNetns("/proc/self/ns/mnt").error(), -EINVAL);
  CHECK_EQ(OpenNetns("/proc/self/ns/user").error(), -EINVAL);
  CHECK_EQ(OpenNetns(std::string(5000, 'x').c_str()).error(), -ENAMETOOLONG);
  CHECK_EQ(DuplicateNetns(STDERR_FILENO).error(), -EINVAL);
  CHECK_EQ(DuplicateNetns(-1).error(), -EBADF);
  CHECK_EQ(DuplicateNetns(100'000).error(), -EBADF);
  bool ran = false;
  auto body = [&] {
    ran = true;
    return 0;
  };
  CHECK_EQ(RunInNetns(-1, body), -EBADF);
  CHECK_EQ(RunInNetns(STDERR_FILENO, body), -EINVAL);
  CHECK(!ran);
}

void DuplicatesAndOpensByPath() {
  OwnedFd netns = Created();
  Result<OwnedFd> copy = DuplicateNetns(netns.get());
  CHECK_EQ(copy.error(), 0);
  CHECK_EQ(Inode(copy.value().get()), Inode(netns.get()));
  Result<OwnedFd> own = OpenNetns("/proc/self/ns/net");
  CHECK_EQ(own.error(), 0);
  CHECK_EQ(Inode(own.value().get()), ThreadNetns());
}

void OpensByPid() {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    pause();
    _exit(0);
  }
  Result<OwnedFd> netns = OpenNetnsOfPid(child);
  CHECK_EQ(netns.error(), 0);
  CHECK_EQ(Inode(netns.value().get()), ThreadNetns());
  kill(child, SIGKILL);
  siginfo_t info;
  CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  CHECK_EQ(OpenNetnsOfPid(child).error(), -ESRCH);  // a zombie
  CHECK_EQ(waitpid(child, nullptr, 0), child);
  CHECK_EQ(OpenNetnsOfPid(child).error(), -ESRCH);
  CHECK_EQ(OpenNetnsOfPid(0).error(), -EINVAL);
  CHECK_EQ(OpenNetnsOfPid(-5).error(), -EINVAL);
}

void MountsAndUnmounts() {
  // A mount namespace of its own, private: nothing of this is seen outside, whatever happens.
  CHECK_EQ(unshare(CLONE_NEWNS), 0);
  CHECK_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  std::string path = "/tmp/cofferdam-netns-mount-" + std::to_string(getpid());
  { CHECK_EQ(OwnedFd::Open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY).error(), 0); }
  OwnedFd netns = Created();
  unsigned long long inode = Inode(netns.get());
  CHECK_EQ(MountNetns(STDERR_FILENO, path.c_str()), -EINVAL);
  CHECK_EQ(MountNetns(-1, path.c_str()), -EBADF);
  CHECK_EQ(MountNetns(netns.get(), "/nonexistent"), -ENOENT);
  CHECK_EQ(UnmountNetns(path.c_str()), -EINVAL);  // a plain file still
  CHECK_EQ(MountNetns(netns.get(), path.c_str()), 0);
  netns.Close();
  {
    Result<OwnedFd> named = OpenNetns(path.c_str());
    CHECK_EQ(named.error(), 0);
    CHECK_EQ(Inode(named.value().get()), inode);
  }
  CHECK_EQ(UnmountNetns("/nonexistent"), -ENOENT);
  CHECK_EQ(UnmountNetns("/proc"), -EINVAL);  // a mount, but none of ours
  CHECK_EQ(UnmountNetns("/proc/self/ns/net"), -EINVAL);
  CHECK_EQ(UnmountNetns(path.c_str()), 0);
  CHECK_EQ(OpenNetns(path.c_str()).error(), -EINVAL);
  CHECK_EQ(unlink(path.c_str()), 0);
}

// Mounts at `directory` in the mount namespace of this process, and whether the topmost propagates.
int MountsAt(const std::string& directory, bool* shared) {
  std::ifstream table("/proc/self/mountinfo");
  int count = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    if (point != directory) continue;
    ++count;
    *shared = line.find(" shared:") != std::string::npos;
  }
  return count;
}

// After MountsAndUnmounts, in the private mount namespace that it made.
void SharesADirectoryOnce() {
  std::string path = "/tmp/cofferdam-share-" + std::to_string(getpid());
  CHECK_EQ(mkdir(path.c_str(), 0700), 0);
  int before = CountFds();
  bool shared = false;
  CHECK_EQ(MountsAt(path, &shared), 0);
  for (int i = 0; i < 3; ++i) CHECK_EQ(ShareMount(path.c_str()), 0);
  CHECK_EQ(MountsAt(path, &shared), 1);  // never one on top of the other
  CHECK(shared);
  // Somebody holds the lock for long: an errno after a bounded wait, not a hang.
  {
    OwnedFd lock = OwnedFd::Open(path.c_str(), O_RDONLY | O_DIRECTORY).value();
    CHECK_EQ(flock(lock.get(), LOCK_EX), 0);
    CHECK_EQ(ShareMount(path.c_str()), -EBUSY);
  }
  CHECK_EQ(ShareMount("/nonexistent"), -ENOENT);
  CHECK_EQ(ShareMount("/etc/passwd"), -ENOTDIR);
  CHECK_EQ(CountFds(), before);
  CHECK_EQ(umount2(path.c_str(), MNT_DETACH), 0);
  CHECK_EQ(rmdir(path.c_str()), 0);
}

void NothingStaysOpenWhereFdsRunOut() {
  OwnedFd netns = Created();
  int before = CountFds();
  WithFdLimit(0, [&] {
    CHECK_EQ(CreateNetns().error(), -EMFILE);
    CHECK_EQ(OpenNetns("/proc/self/ns/net").error(), -EMFILE);
    CHECK_EQ(OpenNetnsOfPid(getpid()).error(), -EMFILE);
    CHECK_EQ(DuplicateNetns(netns.get()).error(), -EMFILE);
  });
  WithFdLimit(1, [] { CHECK_EQ(OpenNetnsOfPid(getpid()).error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
}

void ThousandEntriesAreFlat() {
  int before = CountFds();
  OwnedFd netns = Created();
  for (int i = 0; i < 1000; ++i) CHECK_EQ(RunInNetns(netns.get(), [] { return 1; }), 1);
  netns.Close();
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  EnterOwnNetns();
  int before = CountFds();
  CreatesAndEnters();
  LongWorkIsDone();
  SocketsStayWhereTheyWereOpened();
  RefusesWhatIsNoNetns();
  DuplicatesAndOpensByPath();
  OpensByPid();
  NothingStaysOpenWhereFdsRunOut();
  ThousandEntriesAreFlat();
  MountsAndUnmounts();
  SharesADirectoryOnce();
  CHECK_EQ(CountFds(), before);
  return 0;
}
