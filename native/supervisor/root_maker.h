#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../kernel/owned_fd.h"
#include "cover.h"
#include "message.h"
#include "step_reader.h"

namespace cofferdam {

// MNT_DETACH of umount2(2): <sys/mount.h>, which has it, and <linux/mount.h> cannot be had together.
inline constexpr int kDetach = 2;

// Carries out the steps that make a root file system: see mount_plan.h.
class RootMaker {
 public:
  // What its overlays are covered by, if any.
  explicit RootMaker(Cover* cover) : cover_(cover) {}

  // Of a bind, ahead of it: as who we are now.
  Failure OpenSource(const StepReader& step);
  Failure Run(const StepReader& step);

 private:
  Failure Fail(const char* call, const char* path) { return {-errno, call, path}; }
  // -1 and errno.
  int OpenIn(const char* path, int flags) const;
  Failure Attach(int mount, const char* target);
  Failure AttachAt(int mount, int place, const char* target);
  Failure Mount(const char* fstype, const char* target, const std::string& options, unsigned attributes);
  Failure Overlay(const StepReader& step);
  Failure LookAs(const char* upper, const char* lower);
  Failure Bind(const StepReader& step);
  // Sets attributes of a mount, which is attached to `target`, and of all below it with `recursive`.
  Failure Restrict(int mount, const char* target, unsigned attributes, bool recursive);
  Failure Configure(int filesystem, const std::string& options);
  Failure Make(const StepReader& step);
  Failure Mask(const StepReader& step);
  Failure Readonly(const StepReader& step);
  Failure Inside(const char* path);
  Failure Root(const char* path);
  Failure Pivot();

  OwnedFd root_;
  std::string root_path_;
  Cover* cover_;
  // Copies of what is bound, by the paths of its sources.
  std::vector<std::pair<std::string, OwnedFd>> sources_;
};

}  // namespace cofferdam
