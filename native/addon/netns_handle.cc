#include "netns_handle.h"

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

#include "../kernel/netns_entry.h"
#include "addon_data.h"
#include "arguments.h"

namespace cofferdam {

Napi::Function NetnsHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeFd",
                     {
                         InstanceAccessor<&NetnsHandle::Fd>("fd"),
                         InstanceAccessor<&NetnsHandle::Inode>("inode"),
                         InstanceAccessor<&NetnsHandle::Device>("device"),
                         InstanceMethod<&NetnsHandle::Close>("close"),
                     });
}

Napi::Value NetnsHandle::Wrap(Napi::Env env, Result<OwnedFd> fd) {
  if (!fd.ok()) return Napi::Number::New(env, fd.error());
  AddonData& data = AddonData::Of(env);
  if (data.environment->ending()) return Napi::Number::New(env, -ECANCELED);
  data.fd_parts = std::move(fd).value();
  Napi::Value handle = data.fd_class.New({});
  data.fd_parts.reset();
  if (data.fd_orphan) {
    data.fd_orphan.reset();
    return Napi::Number::New(env, -ECANCELED);
  }
  return handle;
}

Napi::Value NetnsHandle::Open(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "path");
  if (!path) return Napi::Value();
  return Wrap(info.Env(), OpenNetns(path->c_str()));
}

Napi::Value NetnsHandle::Create(const Napi::CallbackInfo& info) {
  return Wrap(info.Env(), CreateNetns());
}

Napi::Value NetnsHandle::OpenOfPid(const Napi::CallbackInfo& info) {
  std::optional<int32_t> pid = IntArgument(info[0], "pid");
  if (!pid) return Napi::Value();
  return Wrap(info.Env(), OpenNetnsOfPid(*pid));
}

Napi::Value NetnsHandle::Duplicate(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  return Wrap(info.Env(), DuplicateNetns(*fd));
}

Napi::Value NetnsHandle::Mount(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "netnsFd");
  if (!fd) return Napi::Value();
  std::optional<std::string> path = StringArgument(info[1], "path");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), MountNetns(*fd, path->c_str()));
}

Napi::Value NetnsHandle::Unmount(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "path");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), UnmountNetns(path->c_str()));
}

Napi::Value NetnsHandle::Share(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "directory");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), ShareMount(path->c_str()));
}

NetnsHandle::NetnsHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NetnsHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.fd_orphan.reset(this);
    return;
  }
  if (!data.fd_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  fd_ = std::move(*std::exchange(data.fd_parts, std::nullopt));
  struct stat status;
  if (fstat(fd_.get(), &status) == 0) {
    inode_ = status.st_ino;
    device_ = status.st_dev;
  }
  environment_->Enter(this);
}

NetnsHandle::~NetnsHandle() {
  Release();
}

int NetnsHandle::Release() {
  if (!fd_.ok()) return 0;
  environment_->Leave(this);
  inode_ = device_ = 0;
  return fd_.Close();
}

Napi::Value NetnsHandle::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

Napi::Value NetnsHandle::Inode(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(inode_));
}

Napi::Value NetnsHandle::Device(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(device_));
}

Napi::Value NetnsHandle::Close(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Release());
}

}  // namespace cofferdam
