#pragma once

#include <napi.h>

#include <memory>

#include "../kernel/cgroup_dir.h"
#include "environment.h"

namespace cofferdam {

// NativeCgroup of src/handle/native.ts: an open directory of a cgroup2 hierarchy.
class CgroupHandle final : public Napi::ObjectWrap<CgroupHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openCgroup(root, path)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit CgroupHandle(const Napi::CallbackInfo& info);
  ~CgroupHandle();

 private:
  static Napi::Value Wrap(Napi::Env env, Result<CgroupDir> directory);
  Napi::Value OpenBelow(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Inode(const Napi::CallbackInfo& info);
  Napi::Value Device(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Write(const Napi::CallbackInfo& info);
  Napi::Value ReadAside(const Napi::CallbackInfo& info);
  Napi::Value WriteAside(const Napi::CallbackInfo& info);
  Napi::Value Children(const Napi::CallbackInfo& info);
  Napi::Value Make(const Napi::CallbackInfo& info);
  Napi::Value Remove(const Napi::CallbackInfo& info);
  Napi::Value Lock(const Napi::CallbackInfo& info);
  Napi::Value Attribute(const Napi::CallbackInfo& info);
  Napi::Value SetAttribute(const Napi::CallbackInfo& info);
  Napi::Value Signal(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  int Release();
  void EndWithEnvironment() override { Release(); }

  std::shared_ptr<Environment> environment_;
  // Shared with work that is on its way: the fd is closed when the last of it is through.
  std::shared_ptr<CgroupDir> directory_;
};

}  // namespace cofferdam
