#include "netlink_handle.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "../kernel/netlink_netns.h"
#include "addon_data.h"
#include "arguments.h"

namespace cofferdam {

namespace {

// The kernel builds dump datagrams as large as the reader's buffer, up to 32 KiB.
constexpr int kMinCapacity = 32 * 1024;
constexpr int kMaxCapacity = 64 * 1024 * 1024;

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
                         InstanceMethod<&NetlinkHandle::Send>("send"),
                         InstanceMethod<&NetlinkHandle::Receive>("receive"),
                         InstanceMethod<&NetlinkHandle::ReceiveMany>("receiveMany"),
                         InstanceMethod<&NetlinkHandle::SetMembership>("setMembership"),
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
  Result<Poll::Pointer> poll = Poll::Create(data.environment, io.value().fd());
  if (!poll.ok()) return Number(info, poll.error());
  data.netlink_parts = Parts{std::move(io).value(), std::move(poll).value(),
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
  poll_ = std::move(parts.poll);
  environment_->Enter(this);
  Napi::Uint8Array buffer = Napi::Uint8Array::New(info.Env(), parts.capacity);
  if (buffer.IsEmpty()) return;  // out of memory, and JavaScript is told so
  buffer_ = Napi::Persistent(buffer);
  // An own property rather than an accessor: TypeScript reads it for each datagram.
  info.This().As<Napi::Object>().DefineProperty(
      Napi::PropertyDescriptor::Value("buffer", buffer, napi_enumerable));
}

NetlinkHandle::~NetlinkHandle() {
  Release(nullptr);
}

void NetlinkHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!open()) return;
  // `on_readable` may be on the stack above us: it lives until libuv's close callback, which is never on it.
  auto closed = [on_readable = std::move(on_readable_), on_closed = std::move(on_closed)] {
    if (on_closed) on_closed->Call();
  };
  poll_.release()->Close(std::move(closed));
  io_.Close();
  environment_->Leave(this);
  buffer_.Reset();
}

Napi::Value NetlinkHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info, io_.fd());
}

Napi::Value NetlinkHandle::PortId(const Napi::CallbackInfo& info) {
  return Number(info, io_.port_id());
}

Napi::Value NetlinkHandle::NetnsInode(const Napi::CallbackInfo& info) {
  return Number(info, static_cast<double>(io_.netns_inode()));
}

Napi::Value NetlinkHandle::ForeignDatagrams(const Napi::CallbackInfo& info) {
  return Number(info, static_cast<double>(io_.foreign_datagrams()));
}

Napi::Value NetlinkHandle::ReceivedGroup(const Napi::CallbackInfo& info) {
  return Number(info, io_.received_group());
}

Napi::Value NetlinkHandle::Send(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "bytes must be a Uint8Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  std::optional<int32_t> offset = IntArgument(info[1], "offset");
  if (!offset) return Napi::Value();
  std::optional<int32_t> length = IntArgument(info[2], "length");
  if (!length) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  size_t size = bytes.ByteLength();
  if (*offset < 0 || *length < 0 || static_cast<size_t>(*offset) > size ||
      static_cast<size_t>(*length) > size - static_cast<size_t>(*offset)) {
    return Number(info, -EINVAL);
  }
  return Number(info, io_.Send(bytes.Data() + *offset, static_cast<size_t>(*length)));
}

Napi::Value NetlinkHandle::Receive(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  // Asked anew each time: JavaScript can detach the buffer (structuredClone with transfer) and leave length
  // 0.
  Napi::Uint8Array buffer = buffer_.Value();
  if (buffer.ByteLength() == 0) return Number(info, -EFAULT);
  return Number(info, io_.Receive(buffer.Data(), buffer.ByteLength()));
}

Napi::Value NetlinkHandle::ReceiveMany(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    Napi::TypeError::New(info.Env(), "table must be an Int32Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  if (!open()) return Number(info, -EBADF);
  Napi::Int32Array table = info[0].As<Napi::Int32Array>();
  Napi::Uint8Array buffer = buffer_.Value();
  if (buffer.ByteLength() == 0) return Number(info, -EFAULT);
  static_assert(sizeof(Datagram) == 3 * sizeof(int32_t));
  int rows = static_cast<int>(std::min<size_t>(table.ElementLength() / 3, INT32_MAX));
  return Number(info, io_.ReceiveMany(buffer.Data(), buffer.ByteLength(),
                                      reinterpret_cast<Datagram*>(table.Data()), rows));
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
  return Number(info, io_.AttachFilter(program.data(), static_cast<uint16_t>(length)));
}

Napi::Value NetlinkHandle::Drops(const Napi::CallbackInfo& info) {
  return Number(info, open() ? static_cast<double>(io_.Drops()) : -EBADF);
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
  return Number(info, io_.SetMembership(static_cast<uint32_t>(*group), info[1].As<Napi::Boolean>()));
}

Napi::Value NetlinkHandle::SetOption(const Napi::CallbackInfo& info) {
  std::optional<int32_t> level = IntArgument(info[0], "level");
  if (!level) return Napi::Value();
  std::optional<int32_t> name = IntArgument(info[1], "name");
  if (!name) return Napi::Value();
  std::optional<int32_t> value = IntArgument(info[2], "value");
  if (!value) return Napi::Value();
  return Number(info, open() ? io_.SetOption(*level, *name, *value) : -EBADF);
}

Napi::Value NetlinkHandle::GetOption(const Napi::CallbackInfo& info) {
  std::optional<int32_t> level = IntArgument(info[0], "level");
  if (!level) return Napi::Value();
  std::optional<int32_t> name = IntArgument(info[1], "name");
  if (!name) return Napi::Value();
  return Number(info, open() ? io_.GetOption(*level, *name) : -EBADF);
}

Napi::Value NetlinkHandle::StartPolling(const Napi::CallbackInfo& info) {
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onReadable");
  if (!function) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (on_readable_ != nullptr) return Number(info, -EALREADY);
  on_readable_ = std::make_shared<Dispatch>(environment_, *function);
  // A bare pointer: a closed poll calls nobody, and until then on_readable_ holds it.
  return Number(info, poll_->Start([dispatch = on_readable_.get()](int status) { dispatch->Call(status); }));
}

Napi::Value NetlinkHandle::PausePolling(const Napi::CallbackInfo& info) {
  return Number(info, open() ? poll_->Pause() : -EBADF);
}

Napi::Value NetlinkHandle::ResumePolling(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  // Before startPolling there is nobody to call.
  if (on_readable_ == nullptr) return Number(info, -EINVAL);
  return Number(info, poll_->Resume());
}

Napi::Value NetlinkHandle::Ref(const Napi::CallbackInfo& info) {
  if (open()) poll_->Ref();
  return info.Env().Undefined();
}

Napi::Value NetlinkHandle::Unref(const Napi::CallbackInfo& info) {
  if (open()) poll_->Unref();
  return info.Env().Undefined();
}

Napi::Value NetlinkHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open() && poll_->HasRef());
}

Napi::Value NetlinkHandle::Close(const Napi::CallbackInfo& info) {
  std::shared_ptr<Dispatch> on_closed;
  if (!info[0].IsUndefined()) {
    std::optional<Napi::Function> function = FunctionArgument(info[0], "onClosed");
    if (!function) return Napi::Value();
    if (open()) on_closed = std::make_shared<Dispatch>(environment_, *function);
  }
  Release(std::move(on_closed));
  return info.Env().Undefined();
}

}  // namespace cofferdam
