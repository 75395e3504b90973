#include "cgroup_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace cofferdam {

namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

// Fds open at a time while signals are sent: a cgroup may hold more processes than we may have fds.
constexpr size_t kPidfdsAtATime = 32;

// What cgroup.procs lists. A process of an outer pid namespace is listed as 0, and cannot be named from here.
std::vector<pid_t> ParsePids(const std::string& text) {
  std::vector<pid_t> pids;
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    pid_t pid = 0;
    auto [next, error] = std::from_chars(at, end, pid);
    if (error == std::errc() && pid > 0) pids.push_back(pid);
    at = std::find(next, end, '\n');
    if (at < end) ++at;
  }
  return pids;
}

}  // namespace

Result<CgroupDir> CgroupDir::Open(const char* root, const char* path) {
  Result<OwnedFd> top = OwnedFd::Open(root, kDirectory);
  if (!top.ok()) return top.failure();
  struct statfs system;
  if (fstatfs(top.value().get(), &system) < 0) return Errno::Last();
  if (system.f_type != CGROUP2_SUPER_MAGIC) return Errno{-ENOTSUP};
  return OpenIn(top.value().get(), path);
}

Result<CgroupDir> CgroupDir::OpenBelow(const char* path) const {
  return OpenIn(fd(), path);
}

Result<CgroupDir> CgroupDir::OpenIn(int parent, const char* path) {
  Result<OwnedFd> fd = OwnedFd::OpenBeneath(parent, path, kDirectory);
  if (!fd.ok()) return fd.failure();
  CgroupDir directory(std::move(fd).value());
  struct stat status;
  if (fstat(directory.fd(), &status) < 0) return Errno::Last();
  directory.inode_ = status.st_ino;
  directory.device_ = status.st_dev;
  return directory;
}

Result<OwnedFd> CgroupDir::OpenFile(const char* file, int flags) const {
  return OwnedFd::OpenBeneath(fd(), file, flags);
}

Result<std::string> CgroupDir::Read(const char* file) const {
  Result<OwnedFd> opened = OpenFile(file, O_RDONLY);
  if (!opened.ok()) return opened.failure();
  std::string text;
  char buffer[4096];
  for (;;) {
    ssize_t length = read(opened.value().get(), buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Errno::Last();
    if (length == 0) return text;
    text.append(buffer, static_cast<size_t>(length));
  }
}

int CgroupDir::Write(const char* file, std::string_view text) const {
  Result<OwnedFd> opened = OpenFile(file, O_WRONLY);
  if (!opened.ok()) return opened.error();
  for (;;) {
    ssize_t length = write(opened.value().get(), text.data(), text.size());
    if (length >= 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

Result<std::vector<std::string>> CgroupDir::Children() const {
  // An open of its own: the position in a directory belongs to the open file.
  Result<OwnedFd> opened = OpenFile(".", kDirectory);
  if (!opened.ok()) return opened.failure();
  std::vector<std::string> names;
  alignas(dirent64) char buffer[16 * 1024];
  for (;;) {
    ssize_t length = syscall(SYS_getdents64, opened.value().get(), buffer, sizeof buffer);
    if (length < 0) return Errno::Last();
    if (length == 0) return names;
    for (ssize_t at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        continue;
      names.emplace_back(entry->d_name);
    }
  }
}

int CgroupDir::Make(const char* name) const {
  return mkdirat(fd(), name, 0755) < 0 ? -errno : 0;
}

int CgroupDir::Remove(const char* name, uint64_t inode) const {
  struct stat status;
  if (fstatat(fd(), name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  if (status.st_ino != inode) return -ESTALE;
  return unlinkat(fd(), name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int CgroupDir::RemoveNew(const char* name) const {
  return unlinkat(fd(), name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int CgroupDir::Lock() const {
  return flock(fd(), LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int CgroupDir::SetAttribute(const char* name, std::string_view value) const {
  return fsetxattr(fd(), name, value.data(), value.size(), XATTR_CREATE) < 0 ? -errno : 0;
}

Result<std::string> CgroupDir::Attribute(const char* name) const {
  // Longer than what we write; what is longer is not ours.
  char buffer[4096];
  ssize_t length = fgetxattr(fd(), name, buffer, sizeof buffer);
  if (length < 0) return Errno::Last();
  return std::string(buffer, static_cast<size_t>(length));
}

int CgroupDir::RemoveAttribute(const char* name) const {
  return fremovexattr(fd(), name) < 0 ? -errno : 0;
}

int CgroupDir::Signal(int signal) const {
  Result<std::string> listed = Read("cgroup.procs");
  if (!listed.ok()) return listed.error();
  std::vector<pid_t> pids = ParsePids(listed.value());
  int sent = 0;
  for (size_t first = 0; first < pids.size(); first += kPidfdsAtATime) {
    std::vector<std::pair<pid_t, OwnedFd>> open;
    for (size_t at = first; at < std::min(first + kPidfdsAtATime, pids.size()); ++at) {
      Result<OwnedFd> pidfd = OwnedFd::Pidfd(pids[at]);
      if (pidfd.ok()) {
        open.emplace_back(pids[at], std::move(pidfd).value());
      } else if (pidfd.error() != -ESRCH) {
        return pidfd.error();
      }
    }
    // A number may have gone to a stranger before its pidfd was opened. One that is listed still is no
    // stranger's.
    Result<std::string> again = Read("cgroup.procs");
    if (!again.ok()) return again.error();
    std::vector<pid_t> here = ParsePids(again.value());
    std::sort(here.begin(), here.end());
    for (const auto& [pid, pidfd] : open) {
      if (!std::binary_search(here.begin(), here.end(), pid)) continue;
      if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) {
        ++sent;
      } else if (errno != ESRCH) {
        return -errno;
      }
    }
  }
  return sent;
}

}  // namespace cofferdam
