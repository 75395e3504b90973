#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "../kernel/owned_fd.h"
#include "environment.h"

namespace cofferdam {

// NativeFd of src/handle/native.ts: the owner of an fd that needs no event loop, which so far is a network
// namespace.
class NetnsHandle final : public Napi::ObjectWrap<NetnsHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openNetns(path), createNetns(), openNetnsOfPid(pid), duplicateNetns(fd)
  static Napi::Value Open(const Napi::CallbackInfo& info);
  static Napi::Value Create(const Napi::CallbackInfo& info);
  static Napi::Value OpenOfPid(const Napi::CallbackInfo& info);
  static Napi::Value Duplicate(const Napi::CallbackInfo& info);
  // mountNetns(netnsFd, path), unmountNetns(path), shareMount(directory)
  static Napi::Value Mount(const Napi::CallbackInfo& info);
  static Napi::Value Unmount(const Napi::CallbackInfo& info);
  static Napi::Value Share(const Napi::CallbackInfo& info);

  // The owner's object for an fd, or the reason why there is none.
  static Napi::Value Wrap(Napi::Env env, Result<OwnedFd> fd);

  explicit NetnsHandle(const Napi::CallbackInfo& info);
  ~NetnsHandle();

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Inode(const Napi::CallbackInfo& info);
  Napi::Value Device(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  int Release();
  void EndWithEnvironment() override { Release(); }

  std::shared_ptr<Environment> environment_;
  OwnedFd fd_;
  uint64_t inode_ = 0;
  uint64_t device_ = 0;
};

}  // namespace cofferdam
