// Directories of a cgroup2 hierarchy: reached by fd and never left, leased, marked, signalled and removed.
#include "cgroup_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

const std::string root = WritableCgroup2();
const std::string name = "cofferdam-ctest-" + std::to_string(getpid());

CgroupDir Opened(const std::string& path) {
  Result<CgroupDir> directory = CgroupDir::Open(root.c_str(), path.c_str());
  CHECK_EQ(directory.error(), 0);
  return std::move(directory).value();
}

pid_t PausedChild() {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0)
    for (;;) pause();
  return child;
}

void RefusesWhatIsNoCgroup() {
  CHECK_EQ(CgroupDir::Open("/tmp", ".").error(), -ENOTSUP);
  CHECK_EQ(CgroupDir::Open("/nonexistent", ".").error(), -ENOENT);
  CHECK_EQ(CgroupDir::Open("/etc/passwd", ".").error(), -ENOTDIR);
  CHECK_EQ(CgroupDir::Open(root.c_str(), "nonexistent").error(), -ENOENT);
  CHECK_EQ(CgroupDir::Open(root.c_str(), "cgroup.procs").error(), -ENOTDIR);
  CHECK_EQ(CgroupDir::Open(root.c_str(), "").error(), -ENOENT);
}

void NoNameLeadsOut() {
  CHECK_EQ(CgroupDir::Open(root.c_str(), "..").error(), -EXDEV);
  CHECK_EQ(CgroupDir::Open(root.c_str(), "/").error(), -EXDEV);
  CHECK_EQ(CgroupDir::Open(root.c_str(), (name + "/../..").c_str()).error(), -EXDEV);
  CgroupDir directory = Opened(name);
  CHECK_EQ(directory.Read("../cgroup.controllers").error(), -EXDEV);
  CHECK_EQ(directory.Read("/etc/passwd").error(), -EXDEV);
  CHECK_EQ(directory.Write("../cgroup.procs", "0"), -EXDEV);
}

void ReadsWritesAndLists() {
  CgroupDir directory = Opened(name);
  CHECK_EQ(fcntl(directory.fd(), F_GETFD), FD_CLOEXEC);
  struct stat status;
  CHECK_EQ(fstat(directory.fd(), &status), 0);
  CHECK_EQ(directory.inode(), status.st_ino);
  CHECK_EQ(directory.device(), status.st_dev);
  CHECK(directory.Read("cgroup.events").value() == "populated 0\nfrozen 0\n");
  CHECK_EQ(directory.Read("nonexistent").error(), -ENOENT);
  CHECK_EQ(directory.Read(".").error(), -EISDIR);
  CHECK_EQ(directory.Write("cgroup.events", "1"), -EINVAL);
  CHECK_EQ(directory.Write("cgroup.max.depth", "x"), -EINVAL);
  CHECK_EQ(directory.Write("cgroup.max.depth", "7"), 0);
  CHECK(directory.Read("cgroup.max.depth").value() == "7\n");
  CHECK_EQ(directory.Children().value().size(), 0);
  for (const char* child : {"a", "b", "c"}) CHECK_EQ(directory.Make(child), 0);
  CHECK_EQ(directory.Make("a"), -EEXIST);
  std::vector<std::string> children = directory.Children().value();
  std::sort(children.begin(), children.end());
  CHECK(children == (std::vector<std::string>{"a", "b", "c"}));
  for (const std::string& child : children) {
    uint64_t inode = Opened(name + "/" + child).inode();
    CHECK_EQ(directory.Remove(child.c_str(), inode + 1), -ESTALE);
    CHECK_EQ(directory.Remove(child.c_str(), inode), 0);
    CHECK_EQ(directory.Remove(child.c_str(), inode), -ENOENT);
  }
  CHECK_EQ(directory.Children().value().size(), 0);
}

void RemovedIsSaid() {
  CgroupDir parent = Opened(name);
  CHECK_EQ(parent.Make("gone"), 0);
  CgroupDir child = Opened(name + "/gone");
  CHECK_EQ(parent.Remove("gone", child.inode()), 0);
  // The same name again is another cgroup, and the old fd does not see it.
  CHECK_EQ(parent.Make("gone"), 0);
  CHECK(Opened(name + "/gone").inode() != child.inode());
  int error = child.Read("cgroup.events").error();
  CHECK(error == -ENODEV || error == -ENOENT);
  CHECK_EQ(parent.Remove("gone", child.inode()), -ESTALE);
  CHECK_EQ(parent.Remove("gone", Opened(name + "/gone").inode()), 0);
}

void LeaseEndsWithItsOwner() {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  pid_t owner = fork();
  CHECK(owner >= 0);
  if (owner == 0) {
    CgroupDir directory = Opened(name);
    if (directory.Lock() != 0 || directory.Lock() != 0) _exit(1);
    if (write(ends[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CgroupDir directory = Opened(name);
  CHECK_EQ(directory.Lock(), -EWOULDBLOCK);
  kill(owner, SIGKILL);
  CHECK_EQ(waitpid(owner, nullptr, 0), owner);
  CHECK_EQ(directory.Lock(), 0);
  CHECK_EQ(Opened(name).Lock(), -EWOULDBLOCK);
  CHECK_EQ(directory.Close(), 0);
  CHECK_EQ(Opened(name).Lock(), 0);
  close(ends[0]);
  close(ends[1]);
}

void MarksOnce() {
  CgroupDir directory = Opened(name);
  CHECK_EQ(directory.Attribute("user.cofferdam.test").error(), -ENODATA);
  CHECK_EQ(directory.SetAttribute("user.cofferdam.test", "{\"version\":1}"), 0);
  CHECK_EQ(directory.SetAttribute("user.cofferdam.test", "another"), -EEXIST);
  CHECK(Opened(name).Attribute("user.cofferdam.test").value() == "{\"version\":1}");
}

void SignalsThoseInsideOnly() {
  CgroupDir directory = Opened(name);
  CHECK_EQ(directory.Signal(SIGKILL), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 40; ++i) children.push_back(PausedChild());
  pid_t bystander = PausedChild();
  for (pid_t child : children) CHECK_EQ(directory.Write("cgroup.procs", std::to_string(child)), 0);
  int before = CountFds();
  CHECK_EQ(directory.Signal(SIGKILL), 40);
  CHECK_EQ(CountFds(), before);
  for (pid_t child : children) {
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  CHECK_EQ(directory.Signal(SIGKILL), 0);
  CHECK_EQ(waitpid(bystander, nullptr, WNOHANG), 0);
  kill(bystander, SIGKILL);
  CHECK_EQ(waitpid(bystander, nullptr, 0), bystander);
}

void NothingStaysOpenWhereFdsRunOut() {
  CgroupDir directory = Opened(name);
  int before = CountFds();
  WithFdLimit(0, [&] {
    CHECK_EQ(CgroupDir::Open(root.c_str(), ".").error(), -EMFILE);
    CHECK_EQ(directory.Read("cgroup.events").error(), -EMFILE);
    CHECK_EQ(directory.Write("cgroup.freeze", "0"), -EMFILE);
    CHECK_EQ(directory.Children().error(), -EMFILE);
  });
  WithFdLimit(1, [&] { CHECK_EQ(CgroupDir::Open(root.c_str(), ".").error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
}

void ThousandAreFlat() {
  CgroupDir parent = Opened(name);
  int before = CountFds();
  for (int i = 0; i < 1000; ++i) {
    CHECK_EQ(parent.Make("x"), 0);
    CHECK_EQ(parent.Remove("x", Opened(name + "/x").inode()), 0);
  }
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  if (root.empty()) return 77;
  int before = CountFds();
  {
    CgroupDir top = Opened(".");
    CHECK_EQ(top.Make(name.c_str()), 0);
    RefusesWhatIsNoCgroup();
    NoNameLeadsOut();
    ReadsWritesAndLists();
    RemovedIsSaid();
    LeaseEndsWithItsOwner();
    MarksOnce();
    SignalsThoseInsideOnly();
    NothingStaysOpenWhereFdsRunOut();
    ThousandAreFlat();
    CHECK_EQ(top.Remove(name.c_str(), Opened(name).inode()), 0);
  }
  CHECK_EQ(CountFds(), before);
  return 0;
}
