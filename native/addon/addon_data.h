#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "environment.h"
#include "fd_handle.h"
#include "netlink_handle.h"
#include "pidfd_handle.h"
#include "pipeline_handle.h"

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
  std::optional<NetlinkHandle::Parts> netlink_parts;
  std::optional<OwnedFd> fd_parts;
  std::optional<PidfdHandle::Parts> pidfd_parts;
  std::optional<PipelineHandle::Parts> pipeline_parts;
  // An object that Node did not tie to its JavaScript object, because the environment is being terminated: no
  // finalizer will ever delete it. The open function does, after the constructor that it called.
  std::unique_ptr<NetlinkHandle> netlink_orphan;
  std::unique_ptr<FdHandle> fd_orphan;
  std::unique_ptr<PidfdHandle> pidfd_orphan;
  std::unique_ptr<PipelineHandle> pipeline_orphan;
};

}  // namespace cofferdam
