#pragma once

#include "../kernel/owned_fd.h"
#include "message.h"

namespace cofferdam {

// The ruleset of a system, landlock(7): its paths as the caller sees them now, which is pid 1, in the root of
// the system. Below kLandlockRead files are read and executed, below kLandlockWrite everything is done that
// the kernel has a right for, and elsewhere nothing. It stays without an fd where the system has neither.
//
// Failures name landlock_create_ruleset where the kernel has no Landlock, and landlock_add_rule with the
// path.
Failure MakeRuleset(const MessageReader& system, OwnedFd* ruleset);

}  // namespace cofferdam
