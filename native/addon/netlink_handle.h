#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "../kernel/netlink_io.h"
#include "../kernel/wait_clock.h"
#include "dispatch.h"
#include "environment.h"
#include "netlink_threads.h"
#include "poll.h"

namespace cofferdam {

// NativeNetlink of src/handle/native.ts: one netlink socket, watched by one poll, with one receive buffer,
// and threads where they pay. What an open socket does not need is made when it does: most are closed after a
// request or two.
class NetlinkHandle final : public Napi::ObjectWrap<NetlinkHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openNetlink(options)
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit NetlinkHandle(const Napi::CallbackInfo& info);
  ~NetlinkHandle();

 private:
  friend class AddonData;
  struct Bytes {
    const uint8_t* data;
    size_t length;
  };
  // What Open hands to the constructor.
  struct Parts {
    std::shared_ptr<NetlinkIo> io;
    size_t capacity;
  };

  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);
  Napi::Value NetnsInode(const Napi::CallbackInfo& info);
  Napi::Value ForeignDatagrams(const Napi::CallbackInfo& info);
  Napi::Value Buffer(const Napi::CallbackInfo& info);
  Napi::Value Report(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Exchange(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value StartReadAhead(const Napi::CallbackInfo& info);
  Napi::Value SendAside(const Napi::CallbackInfo& info);
  Napi::Value Sent(const Napi::CallbackInfo& info);
  Napi::Value ReceiveMany(const Napi::CallbackInfo& info);
  Napi::Value SetMembership(const Napi::CallbackInfo& info);
  Napi::Value AttachFilter(const Napi::CallbackInfo& info);
  Napi::Value Drops(const Napi::CallbackInfo& info);
  Napi::Value LinkName(const Napi::CallbackInfo& info);
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

  bool open() const { return io_ != nullptr; }
  bool reading_ahead() const { return threads_ != nullptr && threads_->reading(); }
  // The first argument; nothing, with an exception pending, where it is no Uint8Array.
  std::optional<Bytes> BytesArgument(const Napi::CallbackInfo& info);
  bool NeedBuffer(Napi::Env env);
  // The receive buffer's memory; null where JavaScript has taken it away.
  uint8_t* BufferData(Napi::Env env);
  int ReceiveInto(uint8_t* buffer);
  // Around each call into the kernel: reports how long it took and when.
  void Begin();
  void Note();
  int NeedThreads();
  Napi::Value SetRef(const Napi::CallbackInfo& info, bool on);
  // The poll watches only while no thread receives, and each keeps the loop alive where it should.
  int Watch();
  // Idempotent. `on_closed`, if any, is called when libuv has let go. False if there was nothing to wait for.
  bool Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  // Threads have a share. Null once closed.
  std::shared_ptr<NetlinkIo> io_;
  uint32_t port_id_ = 0;
  uint64_t netns_inode_ = 0;
  uint64_t foreign_datagrams_ = 0;
  uint32_t received_group_ = 0;
  size_t capacity_ = 0;
  Napi::Reference<Napi::Uint8Array> buffer_;
  // See NativeNetlink.report: JavaScript's once it has asked for it.
  static constexpr size_t kReportWords = 8;
  int32_t unread_report_[kReportWords] = {};
  int32_t* report_ = unread_report_;
  std::shared_ptr<uint8_t> report_memory_;
  WaitClock clock_;
  // The turn of the event loop of the last call.
  uint64_t turn_ = UINT64_MAX;
  Napi::Reference<Napi::Int32Array> report_array_;
  std::shared_ptr<uint8_t> ring_;
  Napi::Reference<Napi::Uint8Array> ring_array_;

  Poll::Pointer poll_;
  NetlinkThreads::Pointer threads_;
  std::shared_ptr<Dispatch> on_readable_;
  bool watching_ = false;
  bool ref_ = false;
};

}  // namespace cofferdam
