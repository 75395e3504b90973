#include "reclaim.h"

#include <signal.h>

#include <cerrno>
#include <utility>

namespace cofferdam {

namespace {

bool IsGone(int error) {
  return error == -ENOENT || error == -ENODEV;
}

void SignalTree(const CgroupDir& cgroup) {
  cgroup.Signal(SIGKILL);
  Result<std::vector<std::string>> children = cgroup.Children();
  if (!children.ok()) return;
  for (const std::string& name : children.value()) {
    Result<CgroupDir> child = cgroup.OpenBelow(name.c_str());
    if (child.ok()) SignalTree(child.value());
  }
}

int RemoveGroup(const char* root, const std::string& above, const std::string& name) {
  Result<CgroupDir> parent = CgroupDir::Open(root, above.c_str());
  if (!parent.ok()) return parent.error();
  const std::string intent = kIntentMark + name;
  Result<CgroupDir> group = parent.value().OpenBelow(name.c_str());
  int error = group.error();
  if (group.ok()) {
    // Unmarked where its maker was killed in between. Who is about to mark it makes it again.
    const bool ours =
        group.value().Attribute(kGroupMark).ok() || parent.value().Attribute(intent.c_str()).ok();
    if (!ours) return -ENODATA;
    error = parent.value().Remove(name.c_str(), group.value().inode());
  }
  if (error == 0 || IsGone(error)) parent.value().RemoveAttribute(intent.c_str());
  return error;
}

}  // namespace

void KillTree(const CgroupDir& cgroup) {
  if (int error = cgroup.Write("cgroup.kill", "1"); error != -ENOENT) return;
  // Frozen, nobody forks while we count; and who is frozen dies of SIGKILL like others.
  cgroup.Write("cgroup.freeze", "1");
  SignalTree(cgroup);
  cgroup.Write("cgroup.freeze", "0");
}

int RemoveTree(const CgroupDir& parent, const char* name, const CgroupDir& cgroup) {
  int error = parent.Remove(name, cgroup.inode());
  // Nearly always nothing is below.
  if (error == 0 || IsGone(error) || error == -ESTALE) return 0;
  if (error != -EBUSY && error != -ENOTEMPTY) return error;
  Result<std::vector<std::string>> children = cgroup.Children();
  if (!children.ok()) return IsGone(children.error()) ? 0 : children.error();
  if (children.value().empty()) return error;
  for (const std::string& below : children.value()) {
    Result<CgroupDir> child = cgroup.OpenBelow(below.c_str());
    if (!child.ok()) continue;
    if (int refused = RemoveTree(cgroup, below.c_str(), child.value()); refused < 0) return refused;
  }
  error = parent.Remove(name, cgroup.inode());
  return IsGone(error) || error == -ESTALE ? 0 : error;
}

void RemoveGroups(const char* root, std::string path) {
  while (!path.empty() && path != ".") {
    size_t slash = path.rfind('/');
    std::string above = slash == std::string::npos ? "." : path.substr(0, slash);
    std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    int error = RemoveGroup(root, above, name);
    // One that somebody else was faster to remove is in nobody's way.
    if (error < 0 && !IsGone(error)) return;
    path = above;
  }
}

}  // namespace cofferdam
