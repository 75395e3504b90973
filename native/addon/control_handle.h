#pragma once

#include <napi.h>

#include <memory>

#include "../kernel/owned_fd.h"
#include "dispatch.h"
#include "environment.h"
#include "poll.h"

namespace cofferdam {

// NativeControl of src/handle/native.ts: a connection of this thread to the supervisor of this process, or of
// another.
class ControlHandle final : public Napi::ObjectWrap<ControlHandle>, private Environment::Member {
 public:
  struct Parts {
    OwnedFd socket;
    Poll::Pointer poll;
    // It is our own supervisor's, which may end when all of us have left.
    bool joined;
  };

  static Napi::Function Class(Napi::Env env);
  // connectSupervisor(program, onReady)
  static Napi::Value Connect(const Napi::CallbackInfo& info);
  // visitSupervisor(pidfd, onReady)
  static Napi::Value Visit(const Napi::CallbackInfo& info);

  explicit ControlHandle(const Napi::CallbackInfo& info);
  ~ControlHandle();

 private:
  static Napi::Value Make(Napi::Env env, OwnedFd socket, Napi::Function on_ready, bool joined);
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value SetRef(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  // Idempotent. False where nothing was open.
  bool Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  OwnedFd socket_;
  Poll::Pointer poll_;
  bool joined_ = false;
};

}  // namespace cofferdam
