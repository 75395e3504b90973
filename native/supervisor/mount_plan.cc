#include "mount_plan.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "../kernel/new_fd.h"
#include "cover.h"
#include "event_loop.h"

namespace cofferdam {

namespace {

// Of umount2(2) and mount(2): <sys/mount.h> and <linux/mount.h> cannot be had together.
constexpr int kDetach = 2;

constexpr unsigned kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

Step StepOf(std::string_view bytes) {
  uint32_t number = 0;
  memcpy(&number, bytes.data(), bytes.size() < sizeof number ? 0 : sizeof number);
  return static_cast<Step>(number);
}

struct StepReader {
  Step step;
  uint32_t flags;
  std::vector<std::string> words;

  explicit StepReader(std::string_view bytes) {
    uint32_t head[2] = {};
    memcpy(head, bytes.data(), bytes.size() < sizeof head ? bytes.size() : sizeof head);
    step = static_cast<Step>(head[0]);
    flags = head[1];
    bytes.remove_prefix(bytes.size() < sizeof head ? bytes.size() : sizeof head);
    while (!bytes.empty()) {
      size_t end = bytes.find('\0');
      words.emplace_back(bytes.substr(0, end));
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    }
  }

  bool Has(uint32_t flag) const { return (flags & flag) != 0; }
  // Empty where there are fewer.
  const char* Word(size_t index) const { return index < words.size() ? words[index].c_str() : ""; }
  mode_t Mode(size_t index) const { return static_cast<mode_t>(strtoul(Word(index), nullptr, 8)); }
};

unsigned AttributesOf(const StepReader& step) {
  unsigned attributes = 0;
  if (step.Has(kStepReadonly)) attributes |= MOUNT_ATTR_RDONLY;
  if (step.Has(kStepNosuid)) attributes |= MOUNT_ATTR_NOSUID;
  if (step.Has(kStepNodev)) attributes |= MOUNT_ATTR_NODEV;
  if (step.Has(kStepNoexec)) attributes |= MOUNT_ATTR_NOEXEC;
  return attributes;
}

// Why the kernel refuses a file system: its own words, where it has any (the log of an fs context).
Failure Refusal(int filesystem, const char* fstype) {
  int error = -errno;
  char log[512];
  ssize_t length = read(filesystem, log, sizeof log);
  std::string words = length > 2 ? std::string(log + 2, static_cast<size_t>(length - 2)) : fstype;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return {error, "fsconfig", words};
}

class MountPlan {
 public:
  // What its overlays are covered by, if any.
  explicit MountPlan(Cover* cover) : cover_(cover) {}

  Failure Run(const StepReader& step);

 private:
  Failure Fail(const char* call, const char* path) { return {-errno, call, path}; }
  // -1 and errno.
  int OpenIn(const char* path, int flags) const;
  Failure Attach(int mount, const char* target);
  Failure AttachAt(int mount, int place, const char* target);
  Failure Mount(const char* fstype, const char* target, const std::string& options, unsigned attributes);
  Failure Overlay(const StepReader& step);
  Failure Bind(const StepReader& step);
  // Sets attributes of a mount, which is attached to `target`, and of all below it with `recursive`.
  Failure Restrict(int mount, const char* target, unsigned attributes, bool recursive);
  Failure Configure(int filesystem, const std::string& options);
  Failure Make(const StepReader& step);
  Failure Mask(const StepReader& step);
  Failure Readonly(const StepReader& step);
  Failure Write(const StepReader& step);
  Failure Root(const char* path);
  Failure Pivot();

  OwnedFd root_;
  std::string root_path_;
  Cover* cover_;
};

// Where targets lie: in the new root once there is one, and before that in the host's.
int MountPlan::OpenIn(const char* path, int flags) const {
  if (!root_.ok()) return open(path, flags | O_CLOEXEC);
  open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT;
  return static_cast<int>(syscall(SYS_openat2, root_.get(), path, &how, sizeof how));
}

Failure MountPlan::Attach(int mount, const char* target) {
  NewFd place(OpenIn(target, O_PATH));
  return place.ok() ? AttachAt(mount, place.get(), target) : Fail("openat2", target);
}

Failure MountPlan::AttachAt(int mount, int place, const char* target) {
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  return syscall(SYS_move_mount, mount, "", place, "", kFlags) < 0 ? Fail("move_mount", target) : Failure();
}

// "size=1G,mode=755"; a word without a value is a flag.
Failure MountPlan::Configure(int filesystem, const std::string& options) {
  for (size_t at = 0; at < options.size();) {
    size_t end = options.find(',', at);
    if (end == std::string::npos) end = options.size();
    std::string word = options.substr(at, end - at);
    size_t equals = word.find('=');
    long result;
    if (equals == std::string::npos) {
      result = syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_FLAG, word.c_str(), nullptr, 0);
    } else {
      std::string value = word.substr(equals + 1);
      word.resize(equals);
      result = syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, word.c_str(), value.c_str(), 0);
    }
    if (result < 0) return Refusal(filesystem, word.c_str());
    at = end + 1;
  }
  return {};
}

Failure MountPlan::Mount(const char* fstype, const char* target, const std::string& options,
                         unsigned attributes) {
  NewFd filesystem(static_cast<int>(syscall(SYS_fsopen, fstype, FSOPEN_CLOEXEC)));
  if (!filesystem.ok()) return Fail("fsopen", fstype);
  syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_SET_STRING, "source", fstype, 0);
  if (Failure failure = Configure(filesystem.get(), options)) return failure;
  if (syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return Refusal(filesystem.get(), fstype);
  NewFd mount(static_cast<int>(syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mount.ok()) return Fail("fsmount", fstype);
  return Attach(mount.get(), target);
}

Failure MountPlan::Overlay(const StepReader& step) {
  CoverLayer* cover = cover_ == nullptr ? nullptr : cover_->At(step.Word(3));
  const char* place_of_cover = step.Word(4);
  if (cover != nullptr) {
    if (mkdir(place_of_cover, 0700) < 0) return Fail("mkdir", place_of_cover);
    if (Failure failure = cover->Attach(place_of_cover)) return failure;
  }
  // Layers are named by fds, which no colon or comma in a path disturbs.
  std::vector<OwnedFd> layers;
  std::string lower;
  for (size_t i = cover == nullptr ? 5 : 4; i < step.words.size(); ++i) {
    NewFd layer(open(step.Word(i), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!layer.ok()) return Fail("open", step.Word(i));
    if (!lower.empty()) lower += ':';
    lower += "/proc/self/fd/" + std::to_string(layer.get());
    layers.push_back(std::move(layer));
  }
  auto by_fd = [&](const char* path, std::string* name) {
    NewFd directory(OpenIn(path, O_PATH | O_DIRECTORY));
    if (!directory.ok()) return false;
    *name = "/proc/self/fd/" + std::to_string(directory.get());
    layers.push_back(std::move(directory));
    return true;
  };
  std::string upper, work;
  if (!by_fd(step.Word(1), &upper)) return Fail("open", step.Word(1));
  if (!by_fd(step.Word(2), &work)) return Fail("open", step.Word(2));
  std::string options = "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work;
  return Mount("overlay", step.Word(0), options, AttributesOf(step));
}

Failure MountPlan::Restrict(int mount, const char* target, unsigned attributes, bool recursive) {
  mount_attr change = {};
  change.attr_set = attributes;
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (syscall(SYS_mount_setattr, mount, "", flags, &change, sizeof change) == 0) return {};
  if (errno != ENOSYS) return Fail("mount_setattr", target);
  // Before Linux 5.12, and of this mount alone.
  unsigned long remount = MS_REMOUNT | MS_BIND;
  if ((attributes & MOUNT_ATTR_RDONLY) != 0) remount |= MS_RDONLY;
  if ((attributes & MOUNT_ATTR_NOSUID) != 0) remount |= MS_NOSUID;
  if ((attributes & MOUNT_ATTR_NODEV) != 0) remount |= MS_NODEV;
  if ((attributes & MOUNT_ATTR_NOEXEC) != 0) remount |= MS_NOEXEC;
  std::string path = "/proc/self/fd/" + std::to_string(mount);
  if (syscall(SYS_mount, "none", path.c_str(), nullptr, remount, nullptr) < 0) return Fail("mount", target);
  return {};
}

Failure MountPlan::Bind(const StepReader& step) {
  const char* source = step.Word(0);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step.Has(kStepRecursive) ? AT_RECURSIVE : 0);
  NewFd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, source, flags)));
  if (!tree.ok()) return Fail("open_tree", source);
  if (Failure failure = Attach(tree.get(), step.Word(1))) return failure;
  unsigned attributes = AttributesOf(step);
  return attributes == 0 ? Failure()
                         : Restrict(tree.get(), step.Word(1), attributes, step.Has(kStepRecursive));
}

// What a path needs to be mounted on, or to be there: made where it is not there yet.
Failure MountPlan::Make(const StepReader& step) {
  const char* path = step.Word(0);
  OwnedFd directory;
  const char* name = path;
  if (root_.ok()) {
    if (NewFd there(OpenIn(path, O_PATH | O_NOFOLLOW)); there.ok()) return {};
    std::string parent(path);
    size_t slash = parent.rfind('/');
    parent.resize(slash == std::string::npos || slash == 0 ? 1 : slash);
    directory = NewFd(OpenIn(parent.c_str(), O_PATH | O_DIRECTORY));
    if (!directory.ok()) return Fail("openat2", parent.c_str());
    name = slash == std::string::npos ? path : path + slash + 1;
  }
  int at = directory.ok() ? directory.get() : AT_FDCWD;
  int result;
  const char* call;
  switch (step.step) {
    case Step::kSymlink:
      result = symlinkat(step.Word(1), at, name);
      call = "symlinkat";
      break;
    case Step::kDirectory:
      result = mkdirat(at, name, step.Mode(1));
      call = "mkdirat";
      break;
    default:
      result = mknodat(at, name, S_IFREG | step.Mode(1), 0);
      call = "mknodat";
  }
  return result < 0 && errno != EEXIST ? Fail(call, path) : Failure();
}

Failure MountPlan::Mask(const StepReader& step) {
  const char* path = step.Word(0);
  NewFd place(OpenIn(path, O_PATH));
  struct stat status;
  if (!place.ok() || fstat(place.get(), &status) < 0) return Fail("openat2", path);
  const char* empty = S_ISDIR(status.st_mode) ? step.Word(1) : "/dev/null";
  NewFd cover(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, empty, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!cover.ok()) return Fail("open_tree", empty);
  if (Failure failure = AttachAt(cover.get(), place.get(), path)) return failure;
  if (!S_ISDIR(status.st_mode)) return {};
  return Restrict(cover.get(), path, kInert | MOUNT_ATTR_RDONLY, false);
}

Failure MountPlan::Readonly(const StepReader& step) {
  const char* path = step.Word(0);
  NewFd place(OpenIn(path, O_PATH));
  if (!place.ok()) return Fail("openat2", path);
  NewFd tree(static_cast<int>(syscall(SYS_open_tree, place.get(), "",
                                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE)));
  if (!tree.ok()) return Fail("open_tree", path);
  if (Failure failure = AttachAt(tree.get(), place.get(), path)) return failure;
  return Restrict(tree.get(), path, MOUNT_ATTR_RDONLY, true);
}

Failure MountPlan::Write(const StepReader& step) {
  const char* path = step.Word(0);
  NewFd file(OpenIn(path, O_WRONLY));
  if (!file.ok()) return Fail("openat2", path);
  return write(file.get(), step.Word(1), strlen(step.Word(1))) < 0 ? Fail("write", path) : Failure();
}

// A mount that came with the copy of a namespace is locked in a user namespace, and nothing pivots to it: so
// to a clone of it.
Failure MountPlan::Root(const char* path) {
  NewFd tree(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!tree.ok()) return Fail("open_tree", path);
  if (Failure failure = Attach(tree.get(), path)) return failure;
  NewFd root(OpenIn(path, O_PATH | O_DIRECTORY));
  if (!root.ok()) return Fail("open", path);
  root_ = std::move(root);
  root_path_ = path;
  return {};
}

// pivot_root(".", ".") stacks the old root on the new one, from where it is unmounted: no directory has to be
// there for it (pivot_root(2)).
Failure MountPlan::Pivot() {
  if (fchdir(root_.get()) < 0) return Fail("fchdir", root_path_.c_str());
  if (syscall(SYS_pivot_root, ".", ".") < 0) return Fail("pivot_root", root_path_.c_str());
  if (syscall(SYS_umount2, ".", kDetach) < 0) return Fail("umount2", "/");
  if (chdir("/") < 0) return Fail("chdir", "/");
  root_.Close();
  return {};
}

Failure MountPlan::Run(const StepReader& step) {
  switch (step.step) {
    case Step::kMount:
      return Mount(step.Word(0), step.Word(1), step.Word(2), AttributesOf(step));
    case Step::kOverlay:
      return Overlay(step);
    case Step::kBind:
      return Bind(step);
    case Step::kDirectory:
    case Step::kFile:
    case Step::kSymlink:
      return Make(step);
    case Step::kMask:
      return Mask(step);
    case Step::kReadonly:
      return Readonly(step);
    case Step::kWriteFile:
      return Write(step);
    case Step::kRoot:
      return Root(step.Word(0));
    case Step::kPivot:
      return Pivot();
    case Step::kBirth:
      return {};
    default:
      return {-EINVAL, "step", {}};
  }
}

}  // namespace

namespace {

// Modes are what they are said to be.
class NoUmask {
 public:
  NoUmask() : before_(umask(0)) {}
  ~NoUmask() { umask(before_); }

 private:
  mode_t before_;
};

Failure RunSteps(const std::vector<std::string_view>& steps, size_t begin, size_t end, Cover* cover) {
  NoUmask modes;
  MountPlan plan(cover);
  for (size_t i = begin; i < end; ++i) {
    StepReader step(steps[i]);
    Failure failure = plan.Run(step);
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
        failure = cover->Add(step.Word(0), {step.words.begin() + 1, step.words.end()});
        break;
      case Step::kHide:
        failure = cover->Hide(step.Word(0));
        break;
      case Step::kOwn:
        failure = cover->Own(step.Word(0), step.Mode(1));
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

Failure RunMountPlan(const std::vector<std::string_view>& steps) {
  if (syscall(SYS_mount, "none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return {-errno, "mount", "/"};
  return RunSteps(steps, BirthOf(steps), steps.size(), nullptr);
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
  Failure failure = RunSteps(steps, count, count + 1, cover);
  if (!failure) {
    path_ = StepReader(steps[birth]).Word(0);
    failure = RunSteps(steps, count + 1, birth, cover);
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
