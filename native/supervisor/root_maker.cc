#include "root_maker.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

constexpr unsigned kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// A page, wherever it is smallest.
constexpr size_t kMostOptions = 4096;

unsigned AttributesOf(const StepReader& step) {
  unsigned attributes = 0;
  if (step.Has(kStepReadonly)) attributes |= MOUNT_ATTR_RDONLY;
  if (step.Has(kStepNosuid)) attributes |= MOUNT_ATTR_NOSUID;
  if (step.Has(kStepNodev)) attributes |= MOUNT_ATTR_NODEV;
  if (step.Has(kStepNoexec)) attributes |= MOUNT_ATTR_NOEXEC;
  return attributes;
}

// What mount(2) calls them.
unsigned long MountFlags(unsigned attributes) {
  unsigned long flags = 0;
  if ((attributes & MOUNT_ATTR_RDONLY) != 0) flags |= MS_RDONLY;
  if ((attributes & MOUNT_ATTR_NOSUID) != 0) flags |= MS_NOSUID;
  if ((attributes & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
  if ((attributes & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
  return flags;
}

std::string PathOf(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
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

}  // namespace

// Where targets lie: in the new root once there is one, and before that in the host's.
int RootMaker::OpenIn(const char* path, int flags) const {
  if (!root_.ok()) return open(path, flags | O_CLOEXEC);
  open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT;
  return static_cast<int>(syscall(SYS_openat2, root_.get(), path, &how, sizeof how));
}

Failure RootMaker::Attach(int mount, const char* target) {
  NewFd place(OpenIn(target, O_PATH));
  return place.ok() ? AttachAt(mount, place.get(), target) : Fail("openat2", target);
}

Failure RootMaker::AttachAt(int mount, int place, const char* target) {
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  return syscall(SYS_move_mount, mount, "", place, "", kFlags) < 0 ? Fail("move_mount", target) : Failure();
}

// "size=1G,mode=755"; a word without a value is a flag.
Failure RootMaker::Configure(int filesystem, const std::string& options) {
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

Failure RootMaker::Mount(const char* fstype, const char* target, const std::string& options,
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

// Of a directory in several layers the uppermost is seen, which is the one that is written to: it has to look
// as the host's does.
Failure RootMaker::LookAs(const char* upper, const char* lower) {
  struct stat status;
  if (stat(lower, &status) < 0) return Fail("stat", lower);
  if (chown(upper, status.st_uid, status.st_gid) < 0) return Fail("chown", upper);
  return chmod(upper, status.st_mode & 07777) < 0 ? Fail("chmod", upper) : Failure();
}

Failure RootMaker::Overlay(const StepReader& step) {
  CoverLayer* cover = cover_ == nullptr ? nullptr : cover_->At(step.Word(3));
  const char* place_of_cover = step.Word(4);
  if (cover != nullptr) {
    if (mkdir(place_of_cover, 0700) < 0) return Fail("mkdir", place_of_cover);
    if (Failure failure = cover->Attach(place_of_cover)) return failure;
  }
  // Not the root itself: who may not enter that can do nothing, and a layer may lie where nobody else may
  // look.
  if (std::string_view(step.Word(3)) != "/") {
    if (Failure failure = LookAs(step.Word(1), step.Word(5))) return failure;
  }
  // Layers are named by fds, which no colon or comma in a path disturbs.
  std::vector<OwnedFd> layers;
  std::string lower;
  for (size_t i = cover == nullptr ? 5 : 4; i < step.words.size(); ++i) {
    NewFd layer(open(step.Word(i), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!layer.ok()) return Fail("open", step.Word(i));
    if (!lower.empty()) lower += ':';
    lower += PathOf(layer.get());
    layers.push_back(std::move(layer));
  }
  auto by_fd = [&](const char* path, std::string* name) {
    NewFd directory(OpenIn(path, O_PATH | O_DIRECTORY));
    if (!directory.ok()) return false;
    *name = PathOf(directory.get());
    layers.push_back(std::move(directory));
    return true;
  };
  std::string upper, work;
  if (!by_fd(step.Word(1), &upper)) return Fail("open", step.Word(1));
  if (!by_fd(step.Word(2), &work)) return Fail("open", step.Word(2));
  std::string options = "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work;
  if (step.Has(kStepUserxattr)) options += ",userxattr";
  const char* target = step.Word(0);
  // mount(2) would cut off the rest.
  if (options.size() >= kMostOptions) return {-E2BIG, "mount", target};
  NewFd place(OpenIn(target, O_PATH));
  if (!place.ok()) return Fail("openat2", target);
  // fsconfig(2) takes texts of 255 bytes, in which there are but fourteen layers.
  unsigned long flags = MountFlags(AttributesOf(step));
  return syscall(SYS_mount, "overlay", PathOf(place.get()).c_str(), "overlay", flags, options.c_str()) < 0
             ? Fail("mount", target)
             : Failure();
}

Failure RootMaker::Restrict(int mount, const char* target, unsigned attributes, bool recursive) {
  mount_attr change = {};
  change.attr_set = attributes;
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (syscall(SYS_mount_setattr, mount, "", flags, &change, sizeof change) == 0) return {};
  if (errno != ENOSYS) return Fail("mount_setattr", target);
  // Before Linux 5.12, and of this mount alone.
  unsigned long remount = MS_REMOUNT | MS_BIND | MountFlags(attributes);
  return syscall(SYS_mount, "none", PathOf(mount).c_str(), nullptr, remount, nullptr) < 0
             ? Fail("mount", target)
             : Failure();
}

Failure RootMaker::OpenSource(const StepReader& step) {
  if (step.step != Step::kBind) return {};
  const char* source = step.Word(0);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step.Has(kStepRecursive) ? AT_RECURSIVE : 0);
  NewFd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, source, flags)));
  if (!tree.ok()) return Fail("open_tree", source);
  sources_.emplace_back(source, std::move(tree));
  return {};
}

Failure RootMaker::Bind(const StepReader& step) {
  auto is_its = [&](const auto& source) { return source.first == step.Word(0); };
  auto found = std::find_if(sources_.begin(), sources_.end(), is_its);
  if (found == sources_.end()) {
    if (Failure failure = OpenSource(step)) return failure;
    found = sources_.end() - 1;
  }
  const OwnedFd tree = std::move(found->second);
  sources_.erase(found);
  if (Failure failure = Attach(tree.get(), step.Word(1))) return failure;
  unsigned attributes = AttributesOf(step);
  return attributes == 0 ? Failure()
                         : Restrict(tree.get(), step.Word(1), attributes, step.Has(kStepRecursive));
}

// What a path needs to be mounted on, or to be there: made where it is not there yet.
Failure RootMaker::Make(const StepReader& step) {
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
    case Step::kDirectory:
      result = mkdirat(at, name, step.Mode(1));
      call = "mkdirat";
      if (result == 0 && step.words.size() > 2) {
        result = fchownat(at, name, step.Number(2), step.Number(3), AT_SYMLINK_NOFOLLOW);
        call = "fchownat";
      }
      break;
    case Step::kLink:
      result = symlinkat(step.Word(1), at, name);
      call = "symlinkat";
      break;
    default:
      result = mknodat(at, name, S_IFREG | step.Mode(1), 0);
      call = "mknodat";
  }
  return result < 0 && errno != EEXIST ? Fail(call, path) : Failure();
}

Failure RootMaker::Mask(const StepReader& step) {
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

Failure RootMaker::Readonly(const StepReader& step) {
  const char* path = step.Word(0);
  NewFd place(OpenIn(path, O_PATH));
  if (!place.ok()) return Fail("openat2", path);
  NewFd tree(static_cast<int>(syscall(SYS_open_tree, place.get(), "",
                                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE)));
  if (!tree.ok()) return Fail("open_tree", path);
  if (Failure failure = AttachAt(tree.get(), place.get(), path)) return failure;
  return Restrict(tree.get(), path, MOUNT_ATTR_RDONLY, true);
}

// A mount that came with the copy of a namespace is locked in a user namespace, and nothing pivots to it: so
// to a clone of it.
Failure RootMaker::Root(const char* path) {
  NewFd tree(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!tree.ok()) return Fail("open_tree", path);
  if (Failure failure = Attach(tree.get(), path)) return failure;
  root_path_ = path;
  return Inside(path);
}

Failure RootMaker::Inside(const char* path) {
  NewFd root(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.ok()) return Fail("open", path);
  root_ = std::move(root);
  return {};
}

// pivot_root(".", ".") stacks the old root on the new one, from where it is unmounted: no directory has to be
// there for it (pivot_root(2)).
Failure RootMaker::Pivot() {
  if (fchdir(root_.get()) < 0) return Fail("fchdir", root_path_.c_str());
  if (syscall(SYS_pivot_root, ".", ".") < 0) return Fail("pivot_root", root_path_.c_str());
  if (syscall(SYS_umount2, ".", kDetach) < 0) return Fail("umount2", "/");
  if (chdir("/") < 0) return Fail("chdir", "/");
  root_.Close();
  return {};
}

Failure RootMaker::Run(const StepReader& step) {
  switch (step.step) {
    case Step::kMount:
      return Mount(step.Word(0), step.Word(1), step.Word(2), AttributesOf(step));
    case Step::kOverlay:
      return Overlay(step);
    case Step::kBind:
      return Bind(step);
    case Step::kDirectory:
    case Step::kFile:
    case Step::kLink:
      return Make(step);
    case Step::kMask:
      return Mask(step);
    case Step::kReadonly:
      return Readonly(step);
    case Step::kInside:
      return Inside(step.Word(0));
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

}  // namespace cofferdam
