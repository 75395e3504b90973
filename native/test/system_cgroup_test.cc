// The cgroup of a system is made though others take the groups above away meanwhile, at whichever of its
// calls (linker option --wrap), and a failure leaves nothing.
#include "system_cgroup.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "check.h"
#include "reclaim.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// Called around mkdirat(2) with the name.
std::function<void(const std::string&)> before_mkdir, after_mkdir;

}  // namespace

extern "C" {
int __real_mkdirat(int, const char*, mode_t);

int __wrap_mkdirat(int directory, const char* name, mode_t mode) {
  if (before_mkdir) before_mkdir(name);
  int result = __real_mkdirat(directory, name, mode);
  int error = errno;
  if (after_mkdir) after_mkdir(name);
  errno = error;
  return result;
}
}

namespace {

const std::string root = WritableCgroup2();
const std::string top = "cofferdam-ctest-" + std::to_string(getpid());
const std::string group = top + "/a/b";
Ledger* const ledger = Ledger::Create();

std::string RequestFor(const std::string& group_path, bool twice = false) {
  using namespace std::string_literals;
  MessageWriter request(Kind::kCreate, 1, 1);
  request.Add(Tag::kCgroupRoot, root).Add(Tag::kCgroupGroup, group_path).Add(Tag::kCgroupName, "box");
  request.Add(Tag::kAttribute, "user.cofferdam\0{}"s);
  if (twice) request.Add(Tag::kAttribute, "user.cofferdam\0{}"s);
  return std::string(request.bytes());
}

bool Exists(const std::string& path) {
  return access((root + "/" + path).c_str(), F_OK) == 0;
}

// Does `work` when `name` is made for the first time.
std::function<void(const std::string&)> Once(const std::string& name, const std::function<void()>& work) {
  return [name, work, done = false](const std::string& made) mutable {
    if (done || made != name) return;
    done = true;
    work();
  };
}

void IsMade() {
  const std::string bytes = RequestFor(group);
  SystemCgroup cgroup(ledger);
  Failure failure = cgroup.Make(*MessageReader::Of(bytes));
  before_mkdir = after_mkdir = nullptr;
  if (failure) std::fprintf(stderr, "%s %s\n", failure.call, failure.path.c_str());
  CHECK_EQ(failure.error, 0);
  CHECK(Exists(group + "/box"));
  CHECK_EQ(cgroup.Remove(), 0);
  CHECK(!Exists(top));
}

void RemoveGroup(const std::string& path) {
  CHECK_EQ(rmdir((root + "/" + path).c_str()), 0);
}

// Somebody who was killed between mkdir(2) of a group and its mark has left his intent; a stranger has not.
void RemovesAGroupThatWasToBeMarked() {
  const std::string intent = "user.cofferdam.intent.a";
  const std::string above = root + "/" + top;
  CHECK_EQ(mkdir(above.c_str(), 0755), 0);
  CHECK_EQ(mkdir((above + "/a").c_str(), 0755), 0);
  RemoveGroups(root.c_str(), top + "/a");
  CHECK(Exists(top + "/a"));
  CHECK_EQ(setxattr(above.c_str(), intent.c_str(), "{}", 2, 0), 0);
  RemoveGroups(root.c_str(), top + "/a");
  CHECK(!Exists(top + "/a"));
  CHECK(getxattr(above.c_str(), intent.c_str(), nullptr, 0) < 0);
  // Killed before it was made.
  CHECK_EQ(setxattr(above.c_str(), intent.c_str(), "{}", 2, 0), 0);
  RemoveGroups(root.c_str(), top + "/a");
  CHECK(getxattr(above.c_str(), intent.c_str(), nullptr, 0) < 0);
  RemoveGroup(top);
}

// At any moment at which it may be killed, a group is marked or intended.
void SaysWhoseAGroupIsBeforeItIsMade() {
  bool intended = false;
  after_mkdir = Once("a", [&] {
    intended = getxattr((root + "/" + top).c_str(), "user.cofferdam.intent.a", nullptr, 0) > 0;
  });
  IsMade();
  CHECK(intended);
}

void OutlivesTheGroupsAbove() {
  IsMade();
  before_mkdir = Once("b", [] { RemoveGroup(top + "/a"); });
  IsMade();
  after_mkdir = Once("b", [] { RemoveGroup(group); });
  IsMade();
  before_mkdir = Once("box", [] { RemoveGroup(group); });
  IsMade();
}

// Killed at any moment before its directory is marked, a system is taken away by its janitor; one of the same
// name that somebody else is making is not.
void ItsJanitorLeavesTheNextOneAlone() {
  const std::string path = root + "/" + top;
  const std::string intent = "user.cofferdam.intent.box";
  auto say = [&](const std::string& identity) {
    CHECK_EQ(setxattr(path.c_str(), intent.c_str(), identity.data(), identity.size(), 0), 0);
  };
  CHECK_EQ(mkdir(path.c_str(), 0755), 0);
  CHECK(ledger->Intend(root, top, "box", "ours").ok());
  CHECK_EQ(mkdir((path + "/box").c_str(), 0755), 0);
  say("theirs");
  // It is being made, and then it is marked.
  CHECK(!ledger->Sweep());
  CHECK(Exists(top + "/box"));
  CHECK(getxattr(path.c_str(), intent.c_str(), nullptr, 0) > 0);
  CHECK_EQ(setxattr((path + "/box").c_str(), kIdentityMark, "theirs", 6, 0), 0);
  CHECK_EQ(removexattr(path.c_str(), intent.c_str()), 0);
  CHECK(ledger->Sweep());
  CHECK(Exists(top + "/box"));
  CHECK_EQ(removexattr((path + "/box").c_str(), kIdentityMark), 0);
  // Ours.
  CHECK(ledger->Intend(root, top, "box", "ours").ok());
  say("ours");
  CHECK(ledger->Sweep());
  CHECK(!Exists(top + "/box"));
  CHECK(getxattr(path.c_str(), intent.c_str(), nullptr, 0) < 0);
  RemoveGroup(top);
}

// Not for ever, however others may toil.
void GivesUp() {
  before_mkdir = [](const std::string& name) {
    if (name == "b") RemoveGroup(top + "/a");
  };
  const std::string bytes = RequestFor(group);
  SystemCgroup cgroup(ledger);
  CHECK_EQ(cgroup.Make(*MessageReader::Of(bytes)).error, -ENOENT);
  before_mkdir = nullptr;
  CHECK_EQ(cgroup.Remove(), 0);
  CHECK(!Exists(top));
}

// The group is somebody else's, and is as it was.
void AFailureLeavesNoMark() {
  const std::string path = root + "/" + top;
  CHECK_EQ(mkdir(path.c_str(), 0755), 0);
  const std::string bytes = RequestFor(top, true);
  SystemCgroup cgroup(ledger);
  Failure failure = cgroup.Make(*MessageReader::Of(bytes));
  CHECK_EQ(failure.error, -EEXIST);
  CHECK_EQ(cgroup.Remove(), 0);
  CHECK(!Exists(top + "/box"));
  char names[256];
  CHECK_EQ(listxattr(path.c_str(), names, sizeof names), 0);
  CHECK_EQ(rmdir(path.c_str()), 0);
}

}  // namespace

int main() {
  if (root.empty()) return 77;
  int before = CountFds();
  RemovesAGroupThatWasToBeMarked();
  SaysWhoseAGroupIsBeforeItIsMade();
  OutlivesTheGroupsAbove();
  ItsJanitorLeavesTheNextOneAlone();
  GivesUp();
  AFailureLeavesNoMark();
  CHECK_EQ(CountFds(), before);
  return 0;
}
