#pragma once

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
// nowhere else. Sources of binds, and layers, are the host's.
Failure RunMountPlan(const std::vector<std::string_view>& steps);

// The part of the steps that the supervisor does before the birth of pid 1, in a mount namespace that hides
// nothing from it. Those of a cover come first, and are done where there is none of late. `scratch` gets what
// it has to detach afterwards, whatever happens; empty where there is no such part.
Failure RunEarlyMounts(const std::vector<std::string_view>& steps, Covers* covers, std::string* scratch);
void DetachScratch(const std::string& scratch);

// All that pid 1 sees, as it is mounted now: held by the fd, and by no namespace.
Result<OwnedFd> CloneRoot();

}  // namespace cofferdam
