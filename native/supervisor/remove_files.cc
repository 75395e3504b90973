#include "remove_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

// RENAME_NOREPLACE of linux/fs.h.
constexpr unsigned kNoReplace = 1;

OwnedFd OpenDirectory(int parent, const char* name) {
  return NewFd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Takes the directory over.
std::vector<std::string> NamesIn(OwnedFd directory) {
  std::vector<std::string> names;
  DIR* stream = fdopendir(directory.get());
  if (stream == nullptr) return names;
  directory.Release();
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  return names;
}

// Whether there is a directory of that name; all else is removed.
bool RemovesButDirectories(int parent, const char* name, int* error) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return false;
  if (errno == EISDIR) return true;
  *error = -errno;
  return false;
}

// Somebody else who removes it as well is in nobody's way.
class Removal {
 public:
  explicit Removal(OwnedFd top) : top_(std::move(top)) {}

  // Until nothing is left, or nothing more can be removed.
  int Run() {
    do {
      moved_ = false;
      error_ = 0;
      for (const std::string& name : NamesIn(OpenDirectory(top_.get(), "."))) {
        if (RemovesButDirectories(top_.get(), name.c_str(), &error_)) Empty(name);
      }
    } while (moved_);
    return error_;
  }

 private:
  // Directories in it come up to the top: so none is ever deep, and two fds are enough.
  void Empty(const std::string& name) {
    const OwnedFd directory = OpenDirectory(top_.get(), name.c_str());
    for (const std::string& below : NamesIn(OpenDirectory(directory.get(), "."))) {
      if (!RemovesButDirectories(directory.get(), below.c_str(), &error_)) continue;
      if (!MoveUp(directory.get(), below)) error_ = -errno;
    }
    if (unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) error_ = -errno;
  }

  bool MoveUp(int directory, const std::string& name) {
    for (;;) {
      const std::string free = "removed-" + std::to_string(++number_);
      if (syscall(SYS_renameat2, directory, name.c_str(), top_.get(), free.c_str(), kNoReplace) == 0) {
        moved_ = true;
        return true;
      }
      if (errno != EEXIST) return errno == ENOENT;
    }
  }

  OwnedFd top_;
  unsigned long number_ = 0;
  bool moved_ = false;
  int error_ = 0;
};

}  // namespace

int RemoveFiles(const std::string& path) {
  OwnedFd top = OpenDirectory(AT_FDCWD, path.c_str());
  if (!top.ok()) return errno == ENOENT ? 0 : -errno;
  if (int error = Removal(std::move(top)).Run(); error < 0) return error;
  return rmdir(path.c_str()) < 0 && errno != ENOENT ? -errno : 0;
}

}  // namespace cofferdam
