#include "mount_plan.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "../kernel/new_fd.h"
#include "event_loop.h"
#include "root_maker.h"

namespace cofferdam {

namespace {

// Modes are what they are said to be.
class NoUmask {
 public:
  NoUmask() : before_(umask(0)) {}
  ~NoUmask() { umask(before_); }

 private:
  mode_t before_;
};

using Method = Failure (RootMaker::*)(const StepReader&);

Failure RunSteps(RootMaker* maker, Method method, const std::vector<std::string_view>& steps, size_t begin,
                 size_t end) {
  NoUmask modes;
  for (size_t i = begin; i < end; ++i) {
    StepReader step(steps[i]);
    Failure failure = (maker->*method)(step);
    bool missing = failure.error == -ENOENT || failure.error == -ENOTDIR;
    if (failure && !(missing && step.Has(kStepOptional))) return failure;
  }
  return {};
}

bool IsOfCover(Step step) {
  return step >= Step::kLayer && step <= Step::kLink;
}

Failure MakeCover(const std::vector<std::string_view>& steps, size_t count, Cover* cover) {
  NoUmask modes;
  for (size_t i = 0; i < count; ++i) {
    StepReader step(steps[i]);
    Failure failure;
    switch (step.step) {
      case Step::kLayer:
        failure = step.words.size() < 2
                      ? Failure{-EINVAL, "step", {}}
                      : cover->Add(step.Word(0), {step.words.begin() + 1, step.words.end()});
        break;
      case Step::kHide:
        failure = cover->Hide(step.Word(0));
        break;
      case Step::kOwn:
        failure = cover->Own(step.Word(0), {step.Mode(1), step.Number(2), step.Number(3)});
        break;
      case Step::kNode:
        failure = cover->Node(step.Word(0), step.Mode(1), step.Word(2));
        break;
      default:
        failure = cover->Symlink(step.Word(0), step.Word(1));
    }
    if (failure) return failure;
  }
  cover->Seal();
  return {};
}

// Where pid 1 begins; 0 where all of them are its own.
size_t BirthOf(const std::vector<std::string_view>& steps) {
  for (size_t i = 0; i < steps.size(); ++i)
    if (StepOf(steps[i]) == Step::kBirth) return i;
  return 0;
}

}  // namespace

Failure RunMountPlan(const std::vector<std::string_view>& steps, const std::function<Failure()>& become) {
  if (syscall(SYS_mount, "none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return {-errno, "mount", "/"};
  size_t birth = BirthOf(steps);
  RootMaker maker(nullptr);
  if (Failure failure = RunSteps(&maker, &RootMaker::OpenSource, steps, birth, steps.size())) return failure;
  if (Failure failure = become()) return failure;
  return RunSteps(&maker, &RootMaker::Run, steps, birth, steps.size());
}

Failure Scratch::Make(const std::vector<std::string_view>& steps, Covers* covers) {
  size_t birth = BirthOf(steps);
  if (birth == 0) return {};
  size_t count = 0;
  std::string key;
  for (; count < birth && IsOfCover(StepOf(steps[count])); ++count) key.append(steps[count]).push_back('\0');
  uint64_t now = EventLoop::Now();
  Cover* cover = covers->Find(key, now);
  if (cover == nullptr && count > 0) {
    auto made = std::make_unique<Cover>();
    if (Failure failure = MakeCover(steps, count, made.get())) return failure;
    cover = made.get();
    covers->Keep(key, std::move(made), now);
  }
  // The first mounts what everything else lies in. Until it has, what is there is the host's.
  RootMaker maker(cover);
  Failure failure = RunSteps(&maker, &RootMaker::Run, steps, count, count + 1);
  if (!failure) {
    path_ = StepReader(steps[birth]).Word(0);
    failure = RunSteps(&maker, &RootMaker::Run, steps, count + 1, birth);
  }
  // It may be attached half.
  if (failure) covers->Drop(key);
  return failure;
}

Result<OwnedFd> CloneRoot() {
  NewFd root(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!root.ok()) return Errno::Last();
  return root;
}

Scratch::~Scratch() {
  if (!path_.empty()) syscall(SYS_umount2, path_.c_str(), kDetach);
}

}  // namespace cofferdam
