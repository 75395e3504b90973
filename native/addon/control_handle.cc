#include "control_handle.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../kernel/control_socket.h"
#include "addon_data.h"
#include "arguments.h"
#include "fd_handle.h"
#include "poll_calls.h"
#include "process_calls.h"
#include "supervisor_seat.h"

namespace cofferdam {

namespace {

Napi::Value Number(Napi::Env env, double value) {
  return Napi::Number::New(env, value);
}

}  // namespace

Napi::Function ControlHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeControl",
                     {
                         InstanceAccessor<&ControlHandle::Fd>("fd"),
                         InstanceMethod<&ControlHandle::Send>("send"),
                         InstanceMethod<&ControlHandle::Receive>("receive"),
                         InstanceMethod<&ControlHandle::SetRef>("setRef"),
                         InstanceMethod<&ControlHandle::HasRef>("hasRef"),
                         InstanceMethod<&ControlHandle::Close>("close"),
                     });
}

Napi::Value ControlHandle::Connect(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<std::string> program = StringArgument(info[0], "program");
  if (!program) return Napi::Value();
  std::optional<Napi::Function> function = FunctionArgument(info[1], "onReady");
  if (!function) return Napi::Value();
  AddonData& data = AddonData::Of(env);
  if (data.environment->ending()) return FailureValue(env, {-ECANCELED, "socketpair", {}});
  OwnedFd socket;
  if (SpawnFailure failure = JoinSupervisor(*program, &socket); failure.error < 0)
    return FailureValue(env, failure);
  return Make(env, std::move(socket), *function, true);
}

Napi::Value ControlHandle::Visit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> pidfd = IntArgument(info[0], "pidfd");
  if (!pidfd) return Napi::Value();
  std::optional<Napi::Function> function = FunctionArgument(info[1], "onReady");
  if (!function) return Napi::Value();
  if (AddonData::Of(env).environment->ending()) return FailureValue(env, {-ECANCELED, "socketpair", {}});
  OwnedFd socket;
  if (SpawnFailure failure = VisitSupervisor(*pidfd, &socket); failure.error < 0)
    return FailureValue(env, failure);
  return Make(env, std::move(socket), *function, false);
}

Napi::Value ControlHandle::Make(Napi::Env env, OwnedFd socket, Napi::Function function, bool joined) {
  AddonData& data = AddonData::Of(env);
  auto leave = [joined] {
    if (joined) LeaveSupervisor();
  };
  auto refuse = [&](int error) {
    socket.Close();
    leave();
    return FailureValue(env, {error, "epoll_ctl", {}});
  };
  Result<Poll::Pointer> poll = Poll::Create(data.environment, socket.get());
  if (!poll.ok()) return refuse(poll.error());
  // The poll's own, so that it lives until libuv's close callback, whoever is on the stack.
  auto on_ready = std::make_shared<Dispatch>(data.environment, function);
  if (int error = poll.value()->Start([on_ready](int status) { on_ready->Call(status); }); error < 0)
    return refuse(error);
  data.control_parts = Parts{std::move(socket), std::move(poll).value(), joined};
  Napi::Value handle = data.control_class.New({});
  if (data.control_parts) {
    // Nobody has taken them.
    data.control_parts.reset();
    leave();
  }
  if (data.control_orphan) {
    data.control_orphan.reset();
    return FailureValue(env, {-ECANCELED, "socketpair", {}});
  }
  return handle;
}

ControlHandle::ControlHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ControlHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.control_orphan.reset(this);
    return;
  }
  if (!data.control_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  Parts parts = std::move(*std::exchange(data.control_parts, std::nullopt));
  socket_ = std::move(parts.socket);
  poll_ = std::move(parts.poll);
  joined_ = parts.joined;
  environment_->Enter(this);
}

ControlHandle::~ControlHandle() {
  Release(nullptr);
}

bool ControlHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!socket_.ok()) return false;
  environment_->Leave(this);
  // libuv lets go of the fd first, or it would watch a number that somebody else has.
  poll_.release()->Close([on_closed] {
    if (on_closed) on_closed->Call();
  });
  socket_.Close();
  if (joined_) LeaveSupervisor();
  return true;
}

Napi::Value ControlHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info.Env(), socket_.get());
}

Napi::Value ControlHandle::Send(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[0].IsTypedArray()) {
    Napi::TypeError::New(env, "bytes must be a Uint8Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  std::optional<std::vector<int32_t>> fds = IntsArgument(info[1], "fds");
  if (!fds) return Napi::Value();
  if (!socket_.ok()) return Number(env, -EBADF);
  Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  std::string_view text(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  return Number(env, SendControl(socket_.get(), text, fds->data(), fds->size()));
}

Napi::Value ControlHandle::Receive(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!socket_.ok()) return Number(env, -EBADF);
  Result<ControlMessage> message = ReceiveControl(socket_.get());
  if (!message.ok()) return Number(env, message.error());
  const std::string& bytes = message.value().bytes;
  Napi::Object value = Napi::Object::New(env);
  value["bytes"] = Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
  Napi::Array fds = Napi::Array::New(env);
  for (OwnedFd& fd : message.value().fds) fds.Set(fds.Length(), FdHandle::Wrap(env, std::move(fd)));
  value["fds"] = fds;
  return value;
}

Napi::Value ControlHandle::SetRef(const Napi::CallbackInfo& info) {
  return SetPollRef(info, poll_.get());
}

Napi::Value ControlHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), socket_.ok() && poll_->HasRef());
}

Napi::Value ControlHandle::Close(const Napi::CallbackInfo& info) {
  auto on_closed = OnClosedArgument(info, socket_.ok(), environment_);
  if (!on_closed) return Napi::Value();
  return Napi::Boolean::New(info.Env(), Release(*std::move(on_closed)));
}

}  // namespace cofferdam
