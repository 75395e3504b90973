#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "cgroup_handle.h"
#include "control_handle.h"
#include "environment.h"
#include "fd_handle.h"
#include "inotify_handle.h"
#include "netlink_handle.h"
#include "pidfd_handle.h"
#include "pipeline_handle.h"
#include "priority_handle.h"

namespace cofferdam {

// What the addon keeps for one Node environment (instance data).
//
// The classes cannot be constructed from JavaScript: `parts` slots are filled by the native open functions
// and taken by the constructor that they call; an empty slot means a stranger called it.
class AddonData {
 public:
  static AddonData& Of(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

  std::shared_ptr<Environment> environment;
  std::shared_ptr<ChildSet> children = std::make_shared<ChildSet>();
  Napi::FunctionReference netlink_class;
  Napi::FunctionReference fd_class;
  Napi::FunctionReference pidfd_class;
  Napi::FunctionReference pipeline_class;
  Napi::FunctionReference cgroup_class;
  Napi::FunctionReference inotify_class;
  Napi::FunctionReference priority_class;
  Napi::FunctionReference control_class;
  std::optional<NetlinkHandle::Parts> netlink_parts;
  std::optional<OwnedFd> fd_parts;
  std::optional<PidfdHandle::Parts> pidfd_parts;
  std::optional<PipelineHandle::Parts> pipeline_parts;
  std::shared_ptr<CgroupDir> cgroup_parts;
  std::optional<InotifyHandle::Parts> inotify_parts;
  std::optional<PriorityHandle::Parts> priority_parts;
  std::optional<ControlHandle::Parts> control_parts;
  // An object that Node did not tie to its JavaScript object, because the environment is being terminated: no
  // finalizer will ever delete it. The open function does, after the constructor that it called.
  std::unique_ptr<NetlinkHandle> netlink_orphan;
  std::unique_ptr<FdHandle> fd_orphan;
  std::unique_ptr<PidfdHandle> pidfd_orphan;
  std::unique_ptr<PipelineHandle> pipeline_orphan;
  std::unique_ptr<CgroupHandle> cgroup_orphan;
  std::unique_ptr<InotifyHandle> inotify_orphan;
  std::unique_ptr<PriorityHandle> priority_orphan;
  std::unique_ptr<ControlHandle> control_orphan;
};

}  // namespace cofferdam
