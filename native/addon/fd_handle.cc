#include "fd_handle.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "addon_data.h"

namespace cofferdam {

Napi::Function FdHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeFd",
                     {
                         InstanceAccessor<&FdHandle::Fd>("fd"),
                         InstanceAccessor<&FdHandle::Inode>("inode"),
                         InstanceAccessor<&FdHandle::Device>("device"),
                         InstanceMethod<&FdHandle::Duplicate>("duplicate"),
                         InstanceMethod<&FdHandle::Close>("close"),
                         InstanceMethod<&FdHandle::Release>("release"),
                     });
}

Napi::Value FdHandle::Wrap(Napi::Env env, Result<OwnedFd> fd) {
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

FdHandle::FdHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FdHandle>(info) {
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

FdHandle::~FdHandle() {
  Take().Close();
}

OwnedFd FdHandle::Take() {
  if (fd_.ok()) environment_->Leave(this);
  inode_ = device_ = 0;
  return std::move(fd_);
}

Napi::Value FdHandle::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

Napi::Value FdHandle::Inode(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(inode_));
}

Napi::Value FdHandle::Device(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(device_));
}

Napi::Value FdHandle::Duplicate(const Napi::CallbackInfo& info) {
  return Wrap(info.Env(), OwnedFd::Duplicate(fd_.get()));
}

Napi::Value FdHandle::Close(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Take().Close());
}

Napi::Value FdHandle::Release(const Napi::CallbackInfo& info) {
  OwnedFd fd = Take();
  return Napi::Number::New(info.Env(), fd.ok() ? fd.Release() : -EBADF);
}

}  // namespace cofferdam
