#include "netlink_handle.h"

#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "../kernel/netlink_netns.h"
#include "addon_data.h"
#include "arguments.h"
#include "poll_calls.h"

namespace cofferdam {

namespace {

// The kernel builds dump datagrams as large as the reader's buffer, up to 32 KiB.
constexpr int kMinCapacity = 32 * 1024;
constexpr int kMaxCapacity = 64 * 1024 * 1024;

// What has to outlive the last close callback of libuv: whoever is on the stack, and whom it is told.
struct Closed {
  Closed(std::shared_ptr<Dispatch> readable, std::shared_ptr<Dispatch> closed)
      : on_readable(std::move(readable)), on_closed(std::move(closed)) {}
  ~Closed() {
    if (on_closed != nullptr) on_closed->Call();
  }
  const std::shared_ptr<Dispatch> on_readable;
  const std::shared_ptr<Dispatch> on_closed;
};

Napi::Value Number(const Napi::CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}

}  // namespace

Napi::Function NetlinkHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeNetlink",
                     {
                         InstanceAccessor<&NetlinkHandle::Fd>("fd"),
                         InstanceAccessor<&NetlinkHandle::PortId>("portId"),
                         InstanceAccessor<&NetlinkHandle::NetnsInode>("netnsInode"),
                         InstanceAccessor<&NetlinkHandle::ForeignDatagrams>("foreignDatagrams"),
                         InstanceAccessor<&NetlinkHandle::ReceivedGroup>("receivedGroup"),
                         InstanceAccessor<&NetlinkHandle::Buffer>("buffer"),
                         InstanceAccessor<&NetlinkHandle::Report>("report"),
                         InstanceMethod<&NetlinkHandle::Send>("send"),
                         InstanceMethod<&NetlinkHandle::Exchange>("exchange"),
                         InstanceMethod<&NetlinkHandle::Receive>("receive"),
                         InstanceMethod<&NetlinkHandle::ReceiveMany>("receiveMany"),
                         InstanceMethod<&NetlinkHandle::StartReadAhead>("readAhead"),
                         InstanceMethod<&NetlinkHandle::SendAside>("sendAside"),
                         InstanceMethod<&NetlinkHandle::Sent>("sent"),
                         InstanceMethod<&NetlinkHandle::SetMembership>("setMembership"),
                         InstanceMethod<&NetlinkHandle::LinkName>("linkName"),
                         InstanceMethod<&NetlinkHandle::AttachFilter>("attachFilter"),
                         InstanceMethod<&NetlinkHandle::Drops>("drops"),
                         InstanceMethod<&NetlinkHandle::SetOption>("setOption"),
                         InstanceMethod<&NetlinkHandle::GetOption>("getOption"),
                         InstanceMethod<&NetlinkHandle::StartPolling>("startPolling"),
                         InstanceMethod<&NetlinkHandle::PausePolling>("pausePolling"),
                         InstanceMethod<&NetlinkHandle::ResumePolling>("resumePolling"),
                         InstanceMethod<&NetlinkHandle::Ref>("ref"),
                         InstanceMethod<&NetlinkHandle::Unref>("unref"),
                         InstanceMethod<&NetlinkHandle::HasRef>("hasRef"),
                         InstanceMethod<&NetlinkHandle::Close>("close"),
                     });
}

Napi::Value NetlinkHandle::Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  AddonData& data = AddonData::Of(env);
  if (!info[0].IsObject()) {
    Napi::TypeError::New(env, "options must be an object").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  Napi::Object options = info[0].As<Napi::Object>();
  std::optional<int32_t> protocol = IntArgument(options.Get("protocol"), "protocol");
  if (!protocol) return Napi::Value();
  std::optional<int32_t> netns_fd = IntArgument(options.Get("netnsFd"), "netnsFd");
  if (!netns_fd) return Napi::Value();
  std::optional<int32_t> receive_buffer = IntArgument(options.Get("receiveBuffer"), "receiveBuffer");
  if (!receive_buffer) return Napi::Value();
  std::optional<int32_t> capacity = IntArgument(options.Get("datagramCapacity"), "datagramCapacity");
  if (!capacity) return Napi::Value();
  if (*capacity > kMaxCapacity || *receive_buffer < 0 || *netns_fd < -1) return Number(info, -EINVAL);
  if (data.environment->ending()) return Number(info, -ECANCELED);

  Result<NetlinkIo> io = OpenNetlinkIn(*netns_fd, {*protocol, *receive_buffer});
  if (!io.ok()) return Number(info, io.error());
  data.netlink_parts = Parts{std::make_shared<NetlinkIo>(std::move(io).value()),
                             static_cast<size_t>(std::max(*capacity, kMinCapacity))};
  Napi::Value handle = data.netlink_class.New({});
  data.netlink_parts.reset();
  if (data.netlink_orphan) {
    data.netlink_orphan.reset();
    return Number(info, -ECANCELED);
  }
  return handle;
}

NetlinkHandle::NetlinkHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NetlinkHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.netlink_orphan.reset(this);
    return;
  }
  if (!data.netlink_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  Parts parts = std::move(*std::exchange(data.netlink_parts, std::nullopt));
  environment_ = data.environment;
  io_ = std::move(parts.io);
  port_id_ = io_->port_id();
  capacity_ = parts.capacity;
  environment_->Enter(this);
}

NetlinkHandle::~NetlinkHandle() {
  Release(nullptr);
}

bool NetlinkHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!open()) return false;
  foreign_datagrams_ = io_->foreign_datagrams();
  // `on_readable` may be on the stack above us: it lives until libuv's close callbacks, which are never on
  // it.
  auto closed = std::make_shared<Closed>(std::move(on_readable_), std::move(on_closed));
  bool later = poll_ != nullptr || threads_ != nullptr;
  // libuv lets go of the fd first, or it would watch a number that somebody else has.
  if (poll_ != nullptr) poll_.release()->Close([closed] {});
  io_.reset();
  if (threads_ != nullptr) threads_.release()->Close([closed] {});
  environment_->Leave(this);
  buffer_.Reset();
  report_array_.Reset();
  ring_array_.Reset();
  ring_.reset();
  return later;
}

Napi::Value NetlinkHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info, open() ? io_->fd() : -1);
}

Napi::Value NetlinkHandle::PortId(const Napi::CallbackInfo& info) {
  return Number(info, port_id_);
}

Napi::Value NetlinkHandle::NetnsInode(const Napi::CallbackInfo& info) {
  if (open()) netns_inode_ = io_->NetnsInode();
  return Number(info, static_cast<double>(netns_inode_));
}

Napi::Value NetlinkHandle::ForeignDatagrams(const Napi::CallbackInfo& info) {
  return Number(info, static_cast<double>(open() ? io_->foreign_datagrams() : foreign_datagrams_));
}

Napi::Value NetlinkHandle::ReceivedGroup(const Napi::CallbackInfo& info) {
  return Number(info, received_group_);
}

Napi::Value NetlinkHandle::AttachFilter(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "program must be a Uint8Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  if (!open()) return Number(info, -EBADF);
  Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  size_t length = bytes.ByteLength() / sizeof(sock_filter);
  if (bytes.ByteLength() % sizeof(sock_filter) != 0 || length > BPF_MAXINSNS) return Number(info, -EINVAL);
  // A copy: a Uint8Array may start anywhere, an instruction may not.
  std::vector<sock_filter> program(length);
  std::copy_n(bytes.Data(), bytes.ByteLength(), reinterpret_cast<uint8_t*>(program.data()));
  return Number(info, io_->AttachFilter(program.data(), static_cast<uint16_t>(length)));
}

Napi::Value NetlinkHandle::Drops(const Napi::CallbackInfo& info) {
  return Number(info, open() ? static_cast<double>(io_->Drops()) : -EBADF);
}

Napi::Value NetlinkHandle::SetMembership(const Napi::CallbackInfo& info) {
  std::optional<int32_t> group = IntArgument(info[0], "group");
  if (!group) return Napi::Value();
  if (!info[1].IsBoolean()) {
    Napi::TypeError::New(info.Env(), "member must be a boolean").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  if (!open()) return Number(info, -EBADF);
  if (*group <= 0) return Number(info, -EINVAL);
  return Number(info, io_->SetMembership(static_cast<uint32_t>(*group), info[1].As<Napi::Boolean>()));
}

Napi::Value NetlinkHandle::LinkName(const Napi::CallbackInfo& info) {
  std::optional<int32_t> index = IntArgument(info[0], "index");
  if (!index) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  char name[IFNAMSIZ];
  int error = io_->LinkName(*index, name);
  if (error < 0) return Number(info, error);
  return Napi::String::New(info.Env(), name, strnlen(name, sizeof name));
}

Napi::Value NetlinkHandle::SetOption(const Napi::CallbackInfo& info) {
  std::optional<int32_t> level = IntArgument(info[0], "level");
  if (!level) return Napi::Value();
  std::optional<int32_t> name = IntArgument(info[1], "name");
  if (!name) return Napi::Value();
  std::optional<int32_t> value = IntArgument(info[2], "value");
  if (!value) return Napi::Value();
  return Number(info, open() ? io_->SetOption(*level, *name, *value) : -EBADF);
}

Napi::Value NetlinkHandle::GetOption(const Napi::CallbackInfo& info) {
  std::optional<int32_t> level = IntArgument(info[0], "level");
  if (!level) return Napi::Value();
  std::optional<int32_t> name = IntArgument(info[1], "name");
  if (!name) return Napi::Value();
  return Number(info, open() ? io_->GetOption(*level, *name) : -EBADF);
}

int NetlinkHandle::Watch() {
  bool threads = reading_ahead() || (threads_ != nullptr && threads_->sending());
  if (threads_ != nullptr) threads_->SetRef(ref_ && threads);
  bool polls = watching_ && !reading_ahead();
  if (poll_ == nullptr) {
    if (!polls) return 0;
    Result<Poll::Pointer> poll = Poll::Create(environment_, io_->fd());
    if (!poll.ok()) return poll.error();
    // A bare pointer: a closed poll calls nobody, and until then on_readable_ holds it.
    int error = poll.value()->Start([dispatch = on_readable_.get()](int status) { dispatch->Call(status); });
    if (error < 0) return error;
    poll_ = std::move(poll).value();
  }
  if (ref_) {
    poll_->Ref();
  } else {
    poll_->Unref();
  }
  return polls ? poll_->Resume() : poll_->Pause();
}

Napi::Value NetlinkHandle::StartPolling(const Napi::CallbackInfo& info) {
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onReadable");
  if (!function) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (on_readable_ != nullptr) return Number(info, -EALREADY);
  on_readable_ = std::make_shared<Dispatch>(environment_, *function);
  watching_ = true;
  return Number(info, Watch());
}

Napi::Value NetlinkHandle::PausePolling(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  watching_ = false;
  return Number(info, Watch());
}

Napi::Value NetlinkHandle::ResumePolling(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  // Before startPolling there is nobody to call.
  if (on_readable_ == nullptr) return Number(info, -EINVAL);
  watching_ = true;
  return Number(info, Watch());
}

Napi::Value NetlinkHandle::SetRef(const Napi::CallbackInfo& info, bool on) {
  ref_ = on;
  if (open()) Watch();
  return info.Env().Undefined();
}

Napi::Value NetlinkHandle::Ref(const Napi::CallbackInfo& info) {
  return SetRef(info, true);
}

Napi::Value NetlinkHandle::Unref(const Napi::CallbackInfo& info) {
  return SetRef(info, false);
}

Napi::Value NetlinkHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open() && ref_);
}

Napi::Value NetlinkHandle::Close(const Napi::CallbackInfo& info) {
  auto on_closed = OnClosedArgument(info, poll_ != nullptr || threads_ != nullptr, environment_);
  if (!on_closed) return Napi::Value();
  return Napi::Boolean::New(info.Env(), Release(*std::move(on_closed)));
}

}  // namespace cofferdam
