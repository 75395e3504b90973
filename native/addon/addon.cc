#include <fcntl.h>
#include <napi.h>
#include <stdlib.h>

#include <memory>
#include <string>

#include "addon_data.h"
#include "arguments.h"
#include "cgroup_handle.h"
#include "control_handle.h"
#include "environment.h"
#include "fd_handle.h"
#include "inotify_handle.h"
#include "netlink_handle.h"
#include "netns.h"
#include "pidfd_handle.h"
#include "pipeline_handle.h"
#include "priority_handle.h"
#include "process_calls.h"
#include "terminal_calls.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#ifndef COFFERDAM_VERSION
#error "the build passes COFFERDAM_VERSION, taken from package.json"
#endif

namespace cofferdam {

namespace {

Napi::Value OpenHandles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(AddonData::Of(info.Env()).environment->open_handles()));
}

// Canaries: leaks made on purpose, so that a run proves its leak detectors are awake. Exposed only on demand.
Napi::Value PlantLeak(const Napi::CallbackInfo& info) {
  std::optional<std::string> what = StringArgument(info[0], "what");
  if (!what) return Napi::Value();
  if (*what == "fd") return Napi::Number::New(info.Env(), open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (*what == "memory") {
    constexpr size_t kBytes = 4242;
    // Volatile, or the compiler sees that nobody needs it; and no pointer is kept anywhere.
    volatile char* bytes = new char[kBytes];
    bytes[0] = 1;
    return Napi::Number::New(info.Env(), static_cast<double>(kBytes));
  }
  return Napi::Number::New(info.Env(), -EINVAL);
}

#ifdef __SANITIZE_ADDRESS__
// Looks for leaks now, for processes that are killed before LeakSanitizer's turn at exit. True if there are
// any.
Napi::Value CheckLeaks(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), __lsan_do_recoverable_leak_check() != 0);
}
#endif

// A pipe, as two owners: [where to read, where to write].
Napi::Value OpenPipe(const Napi::CallbackInfo& info) {
  OwnedFd read_end, write_end;
  if (int error = OwnedFd::Pipe(&read_end, &write_end); error < 0)
    return Napi::Number::New(info.Env(), error);
  Napi::Array ends = Napi::Array::New(info.Env());
  ends.Set(0u, FdHandle::Wrap(info.Env(), std::move(read_end)));
  ends.Set(1u, FdHandle::Wrap(info.Env(), std::move(write_end)));
  return ends;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto data = std::make_unique<AddonData>();
  data->environment = Environment::Create(env);
  if (data->environment == nullptr) {
    Napi::Error::New(env, "Node refused the environment cleanup hook").ThrowAsJavaScriptException();
    return exports;
  }
  data->netlink_class = Napi::Persistent(NetlinkHandle::Class(env));
  data->fd_class = Napi::Persistent(FdHandle::Class(env));
  data->pidfd_class = Napi::Persistent(PidfdHandle::Class(env));
  data->pipeline_class = Napi::Persistent(PipelineHandle::Class(env));
  data->cgroup_class = Napi::Persistent(CgroupHandle::Class(env));
  data->inotify_class = Napi::Persistent(InotifyHandle::Class(env));
  data->priority_class = Napi::Persistent(PriorityHandle::Class(env));
  data->control_class = Napi::Persistent(ControlHandle::Class(env));
  env.SetInstanceData(data.release());

  exports["version"] = Napi::String::New(env, COFFERDAM_VERSION);
#ifdef COFFERDAM_DEBUG
  exports["debug"] = Napi::Boolean::New(env, true);
#else
  exports["debug"] = Napi::Boolean::New(env, false);
#endif
  exports["openNetlink"] = Napi::Function::New<NetlinkHandle::Open>(env, "openNetlink");
  exports["openPipeline"] = Napi::Function::New<PipelineHandle::Open>(env, "openPipeline");
  ExportNetns(env, exports);
  exports["openPidfd"] = Napi::Function::New<PidfdHandle::Open>(env, "openPidfd");
  exports["spawn"] = Napi::Function::New<SpawnCall>(env, "spawn");
  exports["setSubreaper"] = Napi::Function::New<SetSubreaperCall>(env, "setSubreaper");
  exports["isSubreaper"] = Napi::Function::New<IsSubreaperCall>(env, "isSubreaper");
  exports["spawnedChildren"] = Napi::Function::New<SpawnedChildrenCall>(env, "spawnedChildren");
  exports["reapChild"] = Napi::Function::New<ReapChildCall>(env, "reapChild");
  exports["openCgroup"] = Napi::Function::New<CgroupHandle::Open>(env, "openCgroup");
  exports["openInotify"] = Napi::Function::New<InotifyHandle::Open>(env, "openInotify");
  exports["connectSupervisor"] = Napi::Function::New<ControlHandle::Connect>(env, "connectSupervisor");
  exports["visitSupervisor"] = Napi::Function::New<ControlHandle::Visit>(env, "visitSupervisor");
  exports["setWindowSize"] = Napi::Function::New<SetWindowSizeCall>(env, "setWindowSize");
  exports["makeRaw"] = Napi::Function::New<MakeRawCall>(env, "makeRaw");
  exports["restoreTerminal"] = Napi::Function::New<RestoreTerminalCall>(env, "restoreTerminal");
  exports["openPipe"] = Napi::Function::New<OpenPipe>(env, "openPipe");
  exports["openPriority"] = Napi::Function::New<PriorityHandle::Open>(env, "openPriority");
  exports["openHandles"] = Napi::Function::New<OpenHandles>(env, "openHandles");
#ifdef __SANITIZE_ADDRESS__
  exports["checkLeaks"] = Napi::Function::New<CheckLeaks>(env, "checkLeaks");
#endif
  // secure_getenv: a set-uid program is nobody's test.
  if (secure_getenv("COFFERDAM_CANARY") != nullptr) {
    exports["plantLeak"] = Napi::Function::New<PlantLeak>(env, "plantLeak");
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(cofferdam, Init)

}  // namespace cofferdam
