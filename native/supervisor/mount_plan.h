#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../kernel/owned_fd.h"
#include "cover.h"
#include "message.h"

namespace cofferdam {

// Makes the root file system of a system, in a mount namespace that is the caller's alone: private
// propagation, then each step in turn. Which steps, src/system/root decides.
//
// Targets are looked up inside the new root (openat2(2), RESOLVE_IN_ROOT): a symbolic link in a layer leads
// nowhere else. Sources of binds, and layers, are the host's: they are looked up before `become`, by which
// the caller turns into root of the system, who may not look everywhere and to whom belongs what he makes.
Failure RunMountPlan(const std::vector<std::string_view>& steps, const std::function<Failure()>& become);

// What is mounted in the supervisor's namespace for the birth of one pid 1.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // The part of the steps that the supervisor does before the birth, in a mount namespace that hides nothing
  // from it. Those of a cover come first, and are done where there is none of late.
  Failure Make(const std::vector<std::string_view>& steps, Covers* covers);

 private:
  // Empty where there is nothing.
  std::string path_;
};

// All that pid 1 sees, as it is mounted now: held by the fd, and by no namespace.
Result<OwnedFd> CloneRoot();

}  // namespace cofferdam
