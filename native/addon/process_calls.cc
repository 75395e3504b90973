#include "process_calls.h"

#include <utility>

#include "../kernel/spawn.h"
#include "addon_data.h"
#include "arguments.h"

namespace cofferdam {

namespace {

// Where an optional property is a string; nothing, with or without an exception pending, where it is not.
std::optional<std::string> OptionalString(Napi::Value value, const char* name) {
  if (value.IsEmpty() || value.IsUndefined()) return std::nullopt;
  return StringArgument(value, name);
}

// Whether `request` could be read; an exception is pending where it could not.
bool ReadMounts(Napi::Object options, SpawnRequest* request) {
  Napi::Value sysfs = options.Get("sysfs");
  if (sysfs.IsEmpty() || !sysfs.IsBoolean()) {
    if (!options.Env().IsExceptionPending())
      Napi::TypeError::New(options.Env(), "sysfs must be a boolean").ThrowAsJavaScriptException();
    return false;
  }
  std::optional<std::vector<std::string>> sources = StringsArgument(options.Get("sources"), "sources");
  if (!sources) return false;
  std::optional<std::vector<std::string>> targets = StringsArgument(options.Get("targets"), "targets");
  if (!targets) return false;
  SpawnRequest::Mounts mounts;
  mounts.sysfs = sysfs.As<Napi::Boolean>();
  for (size_t i = 0; i < sources->size() && i < targets->size(); ++i)
    mounts.binds.push_back({std::move((*sources)[i]), std::move((*targets)[i])});
  request->mounts = std::move(mounts);
  return true;
}

bool ReadRequest(Napi::Object options, SpawnRequest* request) {
  auto strings = [&](const char* name, std::vector<std::string>* into) {
    std::optional<std::vector<std::string>> value = StringsArgument(options.Get(name), name);
    if (value) *into = std::move(*value);
    return value.has_value();
  };
  auto integer = [&](const char* name, int* into) {
    std::optional<int32_t> value = IntArgument(options.Get(name), name);
    if (value) *into = *value;
    return value.has_value();
  };
  if (!strings("argv", &request->argv) || !strings("env", &request->env) ||
      !strings("paths", &request->paths)) {
    return false;
  }
  std::optional<std::vector<int32_t>> stdio = IntsArgument(options.Get("stdio"), "stdio");
  if (!stdio) return false;
  request->stdio = std::move(*stdio);
  request->cwd = OptionalString(options.Get("cwd"), "cwd");
  if (options.Env().IsExceptionPending()) return false;
  if (!integer("cwdFd", &request->cwd_fd) || !integer("netnsFd", &request->netns_fd) ||
      !integer("cgroupFd", &request->cgroup_fd) || !integer("deathSignal", &request->death_signal)) {
    return false;
  }
  Napi::Value mounts = options.Get("mounts");
  if (mounts.IsEmpty()) return false;
  return !mounts.IsObject() || ReadMounts(mounts.As<Napi::Object>(), request);
}

}  // namespace

Napi::Object FailureValue(Napi::Env env, const SpawnFailure& failure) {
  Napi::Object value = Napi::Object::New(env);
  value["errno"] = Napi::Number::New(env, failure.error);
  value["syscall"] = Napi::String::New(env, failure.call);
  if (!failure.path.empty()) value["path"] = Napi::String::New(env, failure.path);
  return value;
}

Napi::Value SpawnCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[0].IsObject()) {
    Napi::TypeError::New(env, "options must be an object").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  SpawnRequest request;
  if (!ReadRequest(info[0].As<Napi::Object>(), &request)) return Napi::Value();
  if (request.argv.empty()) return FailureValue(env, {-EINVAL, "execve", {}});
  if (AddonData::Of(env).environment->ending()) return FailureValue(env, {-ECANCELED, "clone", {}});

  Spawned spawned;
  if (SpawnFailure failure = Spawn(request, &spawned); failure.error < 0) return FailureValue(env, failure);
  Napi::Value handle = PidfdHandle::Adopt(env, &spawned);
  if (handle.IsEmpty()) return handle;
  if (handle.IsNumber()) return FailureValue(env, {handle.As<Napi::Number>().Int32Value(), "epoll_ctl", {}});
  Napi::Object value = Napi::Object::New(env);
  value["pidfd"] = handle;
  value["migrated"] = Napi::Boolean::New(env, spawned.migrated);
  // From here on the numbers are JavaScript's: nothing may fail any more.
  Napi::Array pipes = Napi::Array::New(env);
  for (Spawned::Pipe& pipe : spawned.pipes)
    pipes.Set(static_cast<uint32_t>(pipe.fd_of_child), Napi::Number::New(env, pipe.end.Release()));
  value["pipes"] = pipes;
  return value;
}

Napi::Value SetSubreaperCall(const Napi::CallbackInfo& info) {
  if (!info[0].IsBoolean()) {
    Napi::TypeError::New(info.Env(), "on must be a boolean").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  return Napi::Number::New(info.Env(), SetSubreaper(info[0].As<Napi::Boolean>()));
}

Napi::Value IsSubreaperCall(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), IsSubreaper());
}

Napi::Value SpawnedChildrenCall(const Napi::CallbackInfo& info) {
  Napi::Array pids = Napi::Array::New(info.Env());
  for (pid_t pid : *AddonData::Of(info.Env()).children)
    pids.Set(pids.Length(), Napi::Number::New(info.Env(), pid));
  return pids;
}

Napi::Value ReapChildCall(const Napi::CallbackInfo& info) {
  std::optional<int32_t> pid = IntArgument(info[0], "pid");
  if (!pid) return Napi::Value();
  // 0 and less would be any child.
  if (*pid <= 0) return Napi::Number::New(info.Env(), -EINVAL);
  return ExitValue(info.Env(), ChildExitByPid(*pid, true));
}

}  // namespace cofferdam
