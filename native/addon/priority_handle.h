#pragma once

#include <napi.h>

#include <memory>

#include "../kernel/owned_fd.h"
#include "dispatch.h"
#include "environment.h"
#include "poll.h"

namespace cofferdam {

// NativePriority of src/handle/native.ts: a file that tells by POLLPRI that something happened, such as a PSI
// trigger.
class PriorityHandle final : public Napi::ObjectWrap<PriorityHandle>, private Environment::Member {
 public:
  struct Parts {
    OwnedFd fd;
    Poll::Pointer poll;
  };

  static Napi::Function Class(Napi::Env env);
  // openPriority(directory, file, trigger, onReady)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit PriorityHandle(const Napi::CallbackInfo& info);
  ~PriorityHandle();

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Pause(const Napi::CallbackInfo& info);
  Napi::Value SetRef(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  // Idempotent. False where nothing was open.
  bool Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  OwnedFd fd_;
  Poll::Pointer poll_;
};

}  // namespace cofferdam
