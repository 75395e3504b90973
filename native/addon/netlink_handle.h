#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "../kernel/netlink_io.h"
#include "dispatch.h"
#include "environment.h"
#include "poll.h"

namespace cofferdam {

// NativeNetlink of src/handle/native.ts: one netlink socket, watched by one poll, with one receive buffer.
class NetlinkHandle final : public Napi::ObjectWrap<NetlinkHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openNetlink(options)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit NetlinkHandle(const Napi::CallbackInfo& info);
  ~NetlinkHandle();

 private:
  friend class AddonData;
  // What Open hands to the constructor.
  struct Parts {
    NetlinkIo io;
    Poll::Pointer poll;
    size_t capacity;
  };

  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);
  Napi::Value NetnsInode(const Napi::CallbackInfo& info);
  Napi::Value ForeignDatagrams(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value ReceiveMany(const Napi::CallbackInfo& info);
  Napi::Value SetMembership(const Napi::CallbackInfo& info);
  Napi::Value AttachFilter(const Napi::CallbackInfo& info);
  Napi::Value Drops(const Napi::CallbackInfo& info);
  Napi::Value SetOption(const Napi::CallbackInfo& info);
  Napi::Value GetOption(const Napi::CallbackInfo& info);
  Napi::Value StartPolling(const Napi::CallbackInfo& info);
  Napi::Value ReceivedGroup(const Napi::CallbackInfo& info);
  Napi::Value PausePolling(const Napi::CallbackInfo& info);
  Napi::Value ResumePolling(const Napi::CallbackInfo& info);
  Napi::Value Ref(const Napi::CallbackInfo& info);
  Napi::Value Unref(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  bool open() const { return poll_ != nullptr; }
  // Idempotent. `on_closed`, if any, is called when libuv has let go.
  void Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  NetlinkIo io_;
  Poll::Pointer poll_;
  std::shared_ptr<Dispatch> on_readable_;
  Napi::Reference<Napi::Uint8Array> buffer_;
};

}  // namespace cofferdam
