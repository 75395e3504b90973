#pragma once

#include <napi.h>

#include <memory>

#include "../kernel/window_exchange.h"
#include "dispatch.h"
#include "environment.h"
#include "wake.h"

namespace cofferdam {

// NativePipeline of src/handle/native.ts: a netlink socket whose windows of requests are exchanged on a
// thread of its own.
class PipelineHandle final : public Napi::ObjectWrap<PipelineHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openPipeline(options)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit PipelineHandle(const Napi::CallbackInfo& info);
  ~PipelineHandle();

 private:
  friend class AddonData;
  // What outlives the handle where the kernel is still at a window when it is closed: sendmsg cannot be
  // interrupted while it waits for the RTNL lock, and waiting with it would stop the event loop. The
  // wake's callback owns it.
  struct Works {
    std::shared_ptr<Environment> environment;
    std::unique_ptr<WindowExchange> exchange;
    Wake* wake = nullptr;
    std::shared_ptr<Dispatch> on_answered;
    std::shared_ptr<Dispatch> on_closed;
    bool has_ref = false;
    bool closing = false;

    void OnWake();
    // The kernel is at nothing: gives everything back.
    void Finish();
  };
  struct Parts {
    std::shared_ptr<Works> works;
  };

  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);
  Napi::Value NetnsInode(const Napi::CallbackInfo& info);
  Napi::Value GetOption(const Napi::CallbackInfo& info);
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Collect(const Napi::CallbackInfo& info);
  Napi::Value Stop(const Napi::CallbackInfo& info);
  Napi::Value Ref(const Napi::CallbackInfo& info);
  Napi::Value Unref(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  bool open() const { return works_ != nullptr; }
  // Idempotent. `on_closed`, if any, is called when nothing is left.
  void Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  std::shared_ptr<Works> works_;
};

}  // namespace cofferdam
