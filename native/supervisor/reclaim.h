#pragma once

#include "../kernel/cgroup_dir.h"

namespace cofferdam {

// Marks groups that were made for a system, and go with the last one: an extended attribute.
inline constexpr char kGroupMark[] = "user.cofferdam.group";
// On the group, with the name behind it: who is about to make a cgroup of that name, and has yet to mark it.
inline constexpr char kIntentMark[] = "user.cofferdam.intent.";
inline constexpr char kIdentityMark[] = "user.cofferdam";

// Sends SIGKILL to every process in it and below: with cgroup.kill (Linux 5.14), which no fork escapes;
// before that, frozen meanwhile. Who has yet to end keeps the cgroup populated.
void KillTree(const CgroupDir& cgroup);

// Removes the cgroup `name` of `parent`, which `cgroup` is, and all below it, the lowest first. 0 also where
// it is gone already; -EBUSY while somebody is in it.
int RemoveTree(const CgroupDir& parent, const char* name, const CgroupDir& cgroup);

// Removes the groups of `path` below `root` that carry the mark, from the last one up, as far as they are
// empty.
void RemoveGroups(const char* root, std::string path);

}  // namespace cofferdam
