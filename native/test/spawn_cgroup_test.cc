// Programs that are born in a cgroup, or move in where that cannot be, and what a cgroup that stands still
// does.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "check.h"
#include "spawn.h"
#include "spawn_support.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

const std::string root = WritableCgroup2();

// A cgroup of this test's own, removed with it.
class TestCgroup {
 public:
  TestCgroup() : path_(root + "/cofferdam-spawn-test-" + std::to_string(getpid())) {
    CHECK_EQ(mkdir(path_.c_str(), 0755), 0);
    directory_ = OwnedFd::Open(path_.c_str(), O_RDONLY | O_DIRECTORY).value();
  }
  // Its zombies may still hold it for a moment.
  ~TestCgroup() {
    directory_.Close();
    for (int i = 0; rmdir(path_.c_str()) < 0 && i < 30'000; ++i) usleep(1000);
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
  TestCgroup cgroup;
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
  TestCgroup cgroup;
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
    for (int i = 0; cgroup.Read("cgroup.procs").empty() && i < 300'000; ++i) usleep(100);
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
  TestCgroup cgroup;
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

}  // namespace

int main() {
  if (root.empty()) return 77;
  int before = CountFds();
  StartsInACgroup();
  IsNotHeldByACgroup();
  MovesIntoItsCgroupWhereClone3IsHidden();
  CHECK_EQ(CountFds(), before);
  return 0;
}
