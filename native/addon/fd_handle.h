#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "../kernel/owned_fd.h"
#include "environment.h"

namespace cofferdam {

// NativeFd of src/handle/native.ts: the owner of an fd that needs no event loop, such as a network namespace.
class FdHandle final : public Napi::ObjectWrap<FdHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // The JavaScript object that owns the fd from here on, or the number of the error.
  static Napi::Value Wrap(Napi::Env env, Result<OwnedFd> fd);

  explicit FdHandle(const Napi::CallbackInfo& info);
  ~FdHandle();

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Inode(const Napi::CallbackInfo& info);
  Napi::Value Device(const Napi::CallbackInfo& info);
  Napi::Value Duplicate(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  // Takes the fd out, closed or given away by the caller.
  OwnedFd Take();
  void EndWithEnvironment() override { Take().Close(); }

  std::shared_ptr<Environment> environment_;
  OwnedFd fd_;
  uint64_t inode_ = 0;
  uint64_t device_ = 0;
};

}  // namespace cofferdam
