#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../kernel/owned_fd.h"
#include "message.h"

namespace cofferdam {

// What ls -l shows of a directory; ids are the host's.
struct DirectoryLook {
  mode_t mode;
  uid_t uid;
  gid_t gid;
};

// The uppermost of the layers below a system's own files: what is not to be seen of those under it, and what
// the system is to have instead. Whiteouts and opaque directories
// (Documentation/filesystems/overlayfs.rst), on a file system in memory that is mounted nowhere. A mount over
// each of the paths would say the same, and takes ten times as long to make and to undo.
//
// Root inside cannot take them away: in the overlay nobody sees them, and trusted.* is for root of the host.
class CoverLayer {
 public:
  Failure Make(const char* place, const std::vector<std::string>& lowers);

  // Where the overlay will be, as the host names it: '/', or a file system mounted below.
  const std::string& place() const { return place_; }

  // Paths are relative to `place`, and not empty. Of one that is not there yet what is missing is hidden, as
  // it may come to be there. What has a symbolic link in it is left alone.
  Failure Hide(const std::string& path);
  // An empty directory, whatever is below. Made even where nothing is, and the directories above it.
  Failure Own(const std::string& path, const DirectoryLook& look);
  Failure Node(const std::string& path, mode_t mode, dev_t device);
  Failure Symlink(const std::string& path, const char* leads_to);

  // Lets go of the layers below, whose file systems could not be unmounted otherwise.
  void Seal() { lowers_.clear(); }
  // Mounts it on a directory.
  Failure Attach(const char* directory);

 private:
  enum class Below { kMissing, kThere, kLink };
  Failure StatBelow(const std::string& path, Below* found, struct stat* status) const;
  Failure MakeOpaque(const std::string& path);
  Failure MakeDirectory(const std::string& path, const DirectoryLook& look);
  // The directories above, each with the mode and owner that it has below: of a directory in several layers
  // the uppermost one is seen.
  Failure MakeParents(const std::string& path);

  std::string place_;
  // Not attached to anything; a mount of it is taken from here.
  OwnedFd mount_;
  std::vector<OwnedFd> lowers_;
  std::set<std::string> parents_;
};

// The covers of all overlays of a root, made by steps (kLayer to kLink).
class Cover {
 public:
  Failure Add(const char* place, const std::vector<std::string>& lowers);
  // Of the host's root: whatever file a path leads to.
  Failure Hide(const char* path);
  Failure Own(const char* path, const DirectoryLook& look);
  Failure Node(const char* path, mode_t mode, const char* device);
  Failure Symlink(const char* path, const char* leads_to);
  void Seal();
  // Null where there is none.
  CoverLayer* At(const char* place);

 private:
  struct Found {
    CoverLayer* layer;
    std::string path;
  };
  // The innermost layer that has the path.
  Found Of(const std::string& path);
  // Where a path of the host's leads; what is not there is added as it is.
  Failure Resolve(const std::string& path, std::string* real) const;

  std::vector<std::unique_ptr<CoverLayer>> layers_;
  // Directories of the system's own so far, each with a slash at its end.
  std::vector<std::string> owned_;
  // The layers are the host's root, in which links can be followed.
  bool of_host_ = false;
};

// Those of late, each by the steps that made it: the next system mostly wants the same.
class Covers {
 public:
  // Null where there is none. An old one is not what it would be if it were made now: the host's directories
  // change.
  Cover* Find(const std::string& steps, uint64_t now);
  void Keep(std::string steps, std::unique_ptr<Cover> cover, uint64_t now);
  void Drop(const std::string& steps);

 private:
  static constexpr uint64_t kLongestMs = 10'000;
  static constexpr size_t kMost = 4;
  struct Kept {
    std::string steps;
    std::unique_ptr<Cover> cover;
    uint64_t made;
  };
  std::vector<Kept> kept_;
};

}  // namespace cofferdam
