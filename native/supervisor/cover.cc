#include "cover.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

bool IsWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

}  // namespace

Failure CoverLayer::Make(const char* place, const std::vector<std::string>& lowers) {
  place_ = place;
  for (const std::string& path : lowers) {
    NewFd lower(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!lower.ok()) return {-errno, "open", path};
    lowers_.push_back(std::move(lower));
  }
  NewFd filesystem(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!filesystem.ok()) return {-errno, "fsopen", "tmpfs"};
  if (syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return {-errno, "fsconfig", "tmpfs"};
  NewFd mount(static_cast<int>(syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID)));
  if (!mount.ok()) return {-errno, "fsmount", "tmpfs"};
  mount_ = std::move(mount);
  return {};
}

Failure CoverLayer::StatBelow(const std::string& path, Below* found, struct stat* status) const {
  for (const OwnedFd& lower : lowers_) {
    open_how how = {};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    NewFd file(static_cast<int>(syscall(SYS_openat2, lower.get(), path.c_str(), &how, sizeof how)));
    // Where root may not look (a FUSE file system of somebody's) nobody inside may, either.
    if (!file.ok() && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) continue;
    const bool is_refused = !file.ok() || fstat(file.get(), status) < 0;
    if (is_refused && errno != ELOOP) return {-errno, "openat2", place_ + "/" + path};
    if (is_refused || S_ISLNK(status->st_mode)) {
      *found = Below::kLink;
    } else {
      *found = IsWhiteout(*status) ? Below::kMissing : Below::kThere;
    }
    return {};
  }
  *found = Below::kMissing;
  return {};
}

Failure CoverLayer::MakeOpaque(const std::string& path) {
  NewFd directory(openat(mount_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.ok()) return {-errno, "openat", place_ + "/" + path};
  if (fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0) < 0)
    return {-errno, "fsetxattr", place_ + "/" + path};
  return {};
}

Failure CoverLayer::MakeDirectory(const std::string& path, const DirectoryLook& look) {
  auto make = [&] {
    if (mkdirat(mount_.get(), path.c_str(), look.mode) < 0)
      return Failure{-errno, "mkdirat", place_ + "/" + path};
    if (look.uid == 0 && look.gid == 0) return Failure();
    if (fchownat(mount_.get(), path.c_str(), look.uid, look.gid, AT_SYMLINK_NOFOLLOW) < 0)
      return Failure{-errno, "fchownat", place_ + "/" + path};
    return Failure();
  };
  Failure failure = make();
  if (failure.error != -EEXIST) return failure;
  struct stat status;
  if (fstatat(mount_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(status.st_mode))
    return {};
  // Hidden before, as it is not there below, and needed now: what may come to be there stays hidden.
  if (unlinkat(mount_.get(), path.c_str(), 0) < 0) return {-errno, "unlinkat", place_ + "/" + path};
  if (failure = make(); failure) return failure;
  return MakeOpaque(path);
}

Failure CoverLayer::MakeParents(const std::string& path) {
  for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    std::string parent = path.substr(0, end);
    if (!parents_.insert(parent).second) continue;
    struct stat below = {};
    Below found;
    if (Failure failure = StatBelow(parent, &found, &below)) return failure;
    if (found != Below::kThere) {
      below = {};
      below.st_mode = 0755;
    }
    if (Failure failure = MakeDirectory(parent, {below.st_mode & 07777, below.st_uid, below.st_gid}))
      return failure;
  }
  return {};
}

Failure CoverLayer::Hide(const std::string& path) {
  size_t end = 0;
  struct stat below;
  do {
    end = path.find('/', end + 1);
    Below found;
    if (Failure failure = StatBelow(path.substr(0, end), &found, &below)) return failure;
    bool is_parent = end != std::string::npos;
    if (found == Below::kLink || (found == Below::kThere && is_parent && !S_ISDIR(below.st_mode))) return {};
    if (found == Below::kMissing) break;
  } while (end != std::string::npos);
  std::string hidden = path.substr(0, end);
  if (Failure failure = MakeParents(hidden)) return failure;
  if (mknodat(mount_.get(), hidden.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  if (errno != EEXIST) return {-errno, "mknodat", place_ + "/" + hidden};
  struct stat status;
  bool is_ours =
      fstatat(mount_.get(), hidden.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
  // Something of the system's own is in it.
  return is_ours ? MakeOpaque(hidden) : Failure();
}

Failure CoverLayer::Own(const std::string& path, const DirectoryLook& look) {
  struct stat below;
  Below found;
  if (Failure failure = StatBelow(path, &found, &below)) return failure;
  if (found == Below::kLink || (found == Below::kThere && !S_ISDIR(below.st_mode))) return {};
  if (Failure failure = MakeParents(path)) return failure;
  if (Failure failure = MakeDirectory(path, look)) return failure;
  return MakeOpaque(path);
}

Failure CoverLayer::Node(const std::string& path, mode_t mode, dev_t device) {
  if (mknodat(mount_.get(), path.c_str(), S_IFCHR | mode, device) < 0)
    return {-errno, "mknodat", place_ + "/" + path};
  return {};
}

Failure CoverLayer::Symlink(const std::string& path, const char* leads_to) {
  if (symlinkat(leads_to, mount_.get(), path.c_str()) < 0) return {-errno, "symlinkat", place_ + "/" + path};
  return {};
}

// An overlay takes no layer from a mount that is not attached (since Linux 5.14, until 6.15), and nothing can
// be cloned from such a one: so this mount is attached, and a clone takes its place.
Failure CoverLayer::Attach(const char* directory) {
  constexpr unsigned kEmpty = MOVE_MOUNT_F_EMPTY_PATH;
  if (syscall(SYS_move_mount, mount_.get(), "", AT_FDCWD, directory, kEmpty) < 0)
    return {-errno, "move_mount", directory};
  NewFd next(
      static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!next.ok()) return {-errno, "open_tree", directory};
  mount_ = std::move(next);
  return {};
}

Failure Cover::Add(const char* place, const std::vector<std::string>& lowers) {
  if (lowers.size() == 1 && lowers[0] == "/") of_host_ = true;
  layers_.push_back(std::make_unique<CoverLayer>());
  return layers_.back()->Make(place, lowers);
}

void Cover::Seal() {
  for (const std::unique_ptr<CoverLayer>& layer : layers_) layer->Seal();
}

CoverLayer* Cover::At(const char* place) {
  for (const std::unique_ptr<CoverLayer>& layer : layers_)
    if (layer->place() == place) return layer.get();
  return nullptr;
}

Cover::Found Cover::Of(const std::string& path) {
  Found found = {nullptr, {}};
  if (At(path.c_str()) != nullptr) return found;
  size_t longest = 0;
  for (const std::unique_ptr<CoverLayer>& layer : layers_) {
    const std::string& place = layer->place();
    size_t length = place == "/" ? 0 : place.size();
    bool within =
        path.compare(0, length, place, 0, length) == 0 && path.size() > length + 1 && path[length] == '/';
    if (!within || (found.layer != nullptr && length < longest)) continue;
    longest = length;
    found = {layer.get(), path.substr(length + 1)};
  }
  return found;
}

Failure Cover::Resolve(const std::string& path, std::string* real) const {
  *real = path;
  if (!of_host_) return {};
  std::string there = path, missing;
  while (!there.empty()) {
    // By names alone: a file that is opened may be replaced, as passwd(1) does, and has no name any more
    // then.
    char text[PATH_MAX];
    if (realpath(there.c_str(), text) != nullptr) {
      // A link to the root has the slash already.
      *real = std::string(text[1] == '\0' && !missing.empty() ? "" : text) + missing;
      return {};
    }
    // Whatever else is the matter, where it leads is not known, and what is there would be seen.
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) return {-errno, "readlink", there};
    size_t slash = there.rfind('/');
    missing = there.substr(slash) + missing;
    there.resize(slash);
  }
  return {};
}

Failure Cover::Hide(const char* path) {
  std::string real;
  if (Failure failure = Resolve(path, &real)) return failure;
  Found found = Of(real);
  // A link that leads to the root, or to where another file system is mounted, is not ours to cover, and its
  // end must not be seen.
  return found.layer == nullptr ? Failure{-EXDEV, "mknodat", path} : found.layer->Hide(found.path);
}

Failure Cover::Own(const char* path, const DirectoryLook& look) {
  // Within a directory of the system's own, a link of the host's is not there.
  bool within = std::any_of(owned_.begin(), owned_.end(), [path](const std::string& owned) {
    return std::string_view(path).starts_with(owned);
  });
  owned_.push_back(std::string(path) + "/");
  std::string real = path;
  if (!within) {
    if (Failure failure = Resolve(path, &real)) return failure;
  }
  Found found = Of(real);
  return found.layer == nullptr ? Failure{-EXDEV, "mkdirat", path} : found.layer->Own(found.path, look);
}

Failure Cover::Node(const char* path, mode_t mode, const char* device) {
  struct stat status;
  if (stat(device, &status) < 0) return {-errno, "stat", device};
  if (!S_ISCHR(status.st_mode)) return {-ENODEV, "stat", device};
  Found found = Of(path);
  return found.layer == nullptr ? Failure{-EXDEV, "mknodat", path}
                                : found.layer->Node(found.path, mode, status.st_rdev);
}

Failure Cover::Symlink(const char* path, const char* leads_to) {
  Found found = Of(path);
  return found.layer == nullptr ? Failure{-EXDEV, "symlinkat", path}
                                : found.layer->Symlink(found.path, leads_to);
}

Cover* Covers::Find(const std::string& steps, uint64_t now) {
  std::erase_if(kept_, [now](const Kept& kept) { return now - kept.made >= kLongestMs; });
  for (const Kept& kept : kept_)
    if (kept.steps == steps) return kept.cover.get();
  return nullptr;
}

void Covers::Keep(std::string steps, std::unique_ptr<Cover> cover, uint64_t now) {
  if (kept_.size() >= kMost) kept_.erase(kept_.begin());
  kept_.push_back({std::move(steps), std::move(cover), now});
}

void Covers::Drop(const std::string& steps) {
  std::erase_if(kept_, [&steps](const Kept& kept) { return kept.steps == steps; });
}

}  // namespace cofferdam
