#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "message.h"

namespace cofferdam {

// How much may be copied, by when, and as whom it is read.
struct CopyLimits {
  uint64_t bytes;
  uint64_t files;
  // As EventLoop::Now().
  uint64_t deadline;
  // What these may not read in the system is not copied: whoever names a path inside may have made it lead
  // anywhere there.
  uid_t uid;
  gid_t gid;
  // Our parent, without whom nobody would learn of it.
  pid_t supervisor;
};

// Copies out of the root of a system what somebody inside has made: nothing of it is trusted.
//
// No name leads out of that root, whatever symbolic links there are. Regular files and directories are
// copied, and symbolic links that stay within what is copied; all else is left out: devices, FIFOs, sockets,
// other links, and what the kernel shows in /proc and its like. What is copied belongs to the caller, has no
// set-user-ID bit and no extended attribute.
class ExportCopy {
 public:
  ExportCopy(int root, const CopyLimits& limits) : root_(root), limits_(limits) {}

  // As rename(2): a file takes the place of a file, a directory that of an empty one. It is there whole, or
  // not at all.
  Failure Copy(const std::string& source, const std::string& target);

  // Of all that was copied.
  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t left_out() const { return left_out_; }

 private:
  struct Source {
    // O_PATH: it is this one, whatever its name means a moment later.
    int fd;
    struct stat status;
    std::string path;
    // Directories between it and the root of what is copied.
    int depth;
  };

  // What keeps it from going on.
  int Interrupted() const;
  // -1 and errno.
  int Reopen(const Source& source, int flags) const;
  int OpenBelow(int directory, const char* name) const;
  Failure Entry(const Source& source, int parent, const char* name);
  Failure File(const Source& source, int parent, const char* name);
  Failure Contents(const Source& source, int from, int into);
  Failure Directory(const Source& source, int parent, const char* name);
  Failure Below(const Source& source, int from, int into);
  Failure Link(const Source& source, int parent, const char* name);

  const int root_;
  const CopyLimits limits_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace cofferdam
