#pragma once

#include <napi.h>

#include <memory>

#include "../kernel/shared_inotify.h"
#include "dispatch.h"
#include "environment.h"
#include "poll.h"
#include "wake.h"

namespace cofferdam {

// NativeInotify of src/handle/native.ts: this thread's share of the process's inotify instance, watched by
// its loop.
class InotifyHandle final : public Napi::ObjectWrap<InotifyHandle>, private Environment::Member {
 public:
  // What libuv's callbacks reach, which run while the handle is being closed.
  struct Works {
    std::unique_ptr<SharedInotify> inotify;
    Poll::Pointer poll;
    Wake* wake = nullptr;
    std::shared_ptr<Dispatch> on_ready;

    void OnReady();
    // Gives everything back; `on_closed` is called when libuv has let go of the last.
    void Finish(std::shared_ptr<Dispatch> on_closed);
  };
  struct Parts {
    std::shared_ptr<Works> works;
  };

  static Napi::Function Class(Napi::Env env);
  // openInotify(onReady)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit InotifyHandle(const Napi::CallbackInfo& info);
  ~InotifyHandle();

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Watch(const Napi::CallbackInfo& info);
  Napi::Value Unwatch(const Napi::CallbackInfo& info);
  Napi::Value Take(const Napi::CallbackInfo& info);
  Napi::Value SetRef(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  // Idempotent. False where nothing was open.
  bool Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  std::shared_ptr<Works> works_;
};

}  // namespace cofferdam
