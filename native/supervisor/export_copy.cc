#include "export_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "../kernel/new_fd.h"
#include "event_loop.h"

namespace cofferdam {

namespace {

constexpr mode_t kPermissions = 0777;
constexpr size_t kChunk = 256 * 1024;
// Each takes three fds of ours.
constexpr int kMostDepth = 128;

// Files are opened as somebody else. The kernel takes the capabilities that concern files from who becomes
// another than user 0 in this way, and gives them back (capabilities(7)).
class As {
 public:
  As(uid_t uid, gid_t gid) {
    syscall(SYS_setfsgid, gid);
    syscall(SYS_setfsuid, uid);
  }
  ~As() {
    int error = errno;
    syscall(SYS_setfsuid, geteuid());
    syscall(SYS_setfsgid, getegid());
    errno = error;
  }
  As(const As&) = delete;
  As& operator=(const As&) = delete;
};

Failure Fail(const char* call, const std::string& path) {
  return {-errno, call, path};
}

// What is no file that anybody stored, and may block or never end.
bool IsView(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return true;
  switch (status.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case DEVPTS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

// Whether a symbolic link stays below the directory that many levels above it. A ".." after a name is not
// followed: the name may be a link as well.
bool StaysWithin(std::string_view text, int depth) {
  if (text.empty() || text[0] == '/') return false;
  bool descended = false;
  while (!text.empty()) {
    size_t end = text.find('/');
    std::string_view name = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      descended = true;
    } else if (descended || --depth < 0) {
      return false;
    }
  }
  return true;
}

// A name that nobody has yet.
std::string TemporaryName() {
  uint64_t chance = 0;
  while (getrandom(&chance, sizeof chance, 0) != sizeof chance) continue;
  char name[40];
  snprintf(name, sizeof name, ".cofferdam-export-%016llx", static_cast<unsigned long long>(chance));
  return name;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

OpenDirectory List(int fd) {
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  DIR* directory = own < 0 ? nullptr : fdopendir(own);
  if (directory == nullptr && own >= 0) close(own);
  return OpenDirectory(directory);
}

bool IsDots(const char* name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// Of ours, made a moment ago.
void RemoveAll(int parent, const char* name) {
  if (unlinkat(parent, name, 0) == 0 || errno != EISDIR) return;
  NewFd directory(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory.ok()) {
    fchmod(directory.get(), 0700);
    if (OpenDirectory list = List(directory.get()))
      while (dirent* entry = readdir(list.get()))
        if (!IsDots(entry->d_name)) RemoveAll(directory.get(), entry->d_name);
  }
  unlinkat(parent, name, AT_REMOVEDIR);
}

}  // namespace

int ExportCopy::Interrupted() const {
  sigset_t pending;
  sigpending(&pending);
  if (sigismember(&pending, SIGTERM) == 1 || getppid() != limits_.supervisor) return -ECANCELED;
  return EventLoop::Now() >= limits_.deadline ? -ETIMEDOUT : 0;
}

int ExportCopy::Reopen(const Source& source, int flags) const {
  const As reader(limits_.uid, limits_.gid);
  std::string path = "/proc/self/fd/" + std::to_string(source.fd);
  return open(path.c_str(), flags | O_CLOEXEC);
}

int ExportCopy::OpenBelow(int directory, const char* name) const {
  const As reader(limits_.uid, limits_.gid);
  return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

Failure ExportCopy::Contents(const Source& source, int from, int into) {
  const off_t size = source.status.st_size;
  static char chunk[kChunk];
  for (off_t at = 0; at < size;) {
    // Holes stay holes. Where a file system does not tell, all is data.
    off_t begin = lseek(from, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;
    if (begin < 0) begin = at;
    off_t end = lseek(from, begin, SEEK_HOLE);
    if (end < 0 || end > size) end = size;
    for (at = begin; at < end;) {
      if (int error = Interrupted(); error < 0) return {error, "read", source.path};
      size_t most = static_cast<size_t>(end - at) < kChunk ? static_cast<size_t>(end - at) : kChunk;
      ssize_t length = pread(from, chunk, most, at);
      if (length < 0) return Fail("read", source.path);
      // It was shortened meanwhile.
      if (length == 0) return {};
      for (ssize_t written = 0; written < length;) {
        ssize_t part = pwrite(into, chunk + written, static_cast<size_t>(length - written), at + written);
        if (part < 0) return Fail("write", source.path);
        written += part;
      }
      at += length;
    }
  }
  return ftruncate(into, size) < 0 ? Fail("ftruncate", source.path) : Failure();
}

Failure ExportCopy::File(const Source& source, int parent, const char* name) {
  const uint64_t size = static_cast<uint64_t>(source.status.st_size);
  if (size > limits_.bytes - bytes_) return {-EFBIG, "write", source.path};
  bytes_ += size;
  NewFd from(Reopen(source, O_RDONLY | O_NONBLOCK));
  if (!from.ok()) return Fail("open", source.path);
  NewFd into(openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!into.ok()) return Fail("openat", name);
  if (Failure failure = Contents(source, from.get(), into.get())) return failure;
  return fchmod(into.get(), source.status.st_mode & kPermissions) < 0 ? Fail("fchmod", source.path)
                                                                      : Failure();
}

Failure ExportCopy::Below(const Source& source, int from, int into) {
  OpenDirectory list = List(from);
  if (list == nullptr) return Fail("fdopendir", source.path);
  for (;;) {
    errno = 0;
    dirent* entry = readdir(list.get());
    if (entry == nullptr) return errno != 0 ? Fail("getdents64", source.path) : Failure();
    if (IsDots(entry->d_name)) continue;
    std::string path = source.path + "/" + entry->d_name;
    NewFd child(OpenBelow(from, entry->d_name));
    Source below = {child.get(), {}, path, source.depth + 1};
    if (!child.ok() || fstat(child.get(), &below.status) < 0) return Fail("openat", path);
    if (below.status.st_dev != source.status.st_dev && IsView(child.get())) {
      ++left_out_;
      continue;
    }
    if (Failure failure = Entry(below, into, entry->d_name)) return failure;
  }
}

Failure ExportCopy::Directory(const Source& source, int parent, const char* name) {
  if (source.depth >= kMostDepth) return {-ENAMETOOLONG, "openat", source.path};
  NewFd from(Reopen(source, O_RDONLY | O_DIRECTORY));
  if (!from.ok()) return Fail("open", source.path);
  if (mkdirat(parent, name, 0700) < 0) return Fail("mkdirat", name);
  NewFd into(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!into.ok()) return Fail("openat", name);
  if (Failure failure = Below(source, from.get(), into.get())) return failure;
  return fchmod(into.get(), source.status.st_mode & kPermissions) < 0 ? Fail("fchmod", source.path)
                                                                      : Failure();
}

Failure ExportCopy::Link(const Source& source, int parent, const char* name) {
  char text[4096];
  ssize_t length = readlinkat(source.fd, "", text, sizeof text - 1);
  if (length < 0) return Fail("readlinkat", source.path);
  text[length] = '\0';
  // A link in the root of what is copied is one level below it.
  if (!StaysWithin(std::string_view(text, static_cast<size_t>(length)), source.depth - 1)) {
    ++left_out_;
    return {};
  }
  return symlinkat(text, parent, name) < 0 ? Fail("symlinkat", source.path) : Failure();
}

Failure ExportCopy::Entry(const Source& source, int parent, const char* name) {
  if (int error = Interrupted(); error < 0) return {error, "openat", source.path};
  const mode_t mode = source.status.st_mode;
  if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode)) {
    ++left_out_;
    return {};
  }
  if (++files_ > limits_.files) return {-EDQUOT, "openat", source.path};
  if (S_ISREG(mode)) return File(source, parent, name);
  return S_ISDIR(mode) ? Directory(source, parent, name) : Link(source, parent, name);
}

Failure ExportCopy::Copy(const std::string& source, const std::string& target) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  int fd;
  {
    const As reader(limits_.uid, limits_.gid);
    fd = static_cast<int>(syscall(SYS_openat2, root_, source.c_str(), &how, sizeof how));
  }
  NewFd found(fd);
  Source top = {found.get(), {}, source, 0};
  if (!found.ok() || fstat(found.get(), &top.status) < 0) return Fail("openat2", source);
  if ((!S_ISREG(top.status.st_mode) && !S_ISDIR(top.status.st_mode)) || IsView(found.get()))
    return {-EINVAL, "openat2", source};

  const size_t slash = target.rfind('/');
  const std::string directory = slash == 0 ? "/" : target.substr(0, slash);
  NewFd parent(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.ok()) return Fail("open", directory);
  const std::string temporary = TemporaryName();
  Failure failure = Entry(top, parent.get(), temporary.c_str());
  if (!failure &&
      renameat(parent.get(), temporary.c_str(), parent.get(), target.substr(slash + 1).c_str()) < 0)
    failure = Fail("renameat", target);
  if (failure) RemoveAll(parent.get(), temporary.c_str());
  return failure;
}

}  // namespace cofferdam
