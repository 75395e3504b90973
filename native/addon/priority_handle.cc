#include "priority_handle.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "../kernel/pressure_trigger.h"
#include "addon_data.h"
#include "arguments.h"
#include "poll_calls.h"

namespace cofferdam {

namespace {

Napi::Value Number(Napi::Env env, double value) {
  return Napi::Number::New(env, value);
}

}  // namespace

Napi::Function PriorityHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativePriority",
                     {
                         InstanceAccessor<&PriorityHandle::Fd>("fd"),
                         InstanceMethod<&PriorityHandle::Read>("read"),
                         InstanceMethod<&PriorityHandle::Pause>("pause"),
                         InstanceMethod<&PriorityHandle::SetRef>("setRef"),
                         InstanceMethod<&PriorityHandle::HasRef>("hasRef"),
                         InstanceMethod<&PriorityHandle::Close>("close"),
                     });
}

Napi::Value PriorityHandle::Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> directory = IntArgument(info[0], "directory");
  if (!directory) return Napi::Value();
  std::optional<std::string> file = StringArgument(info[1], "file");
  if (!file) return Napi::Value();
  std::optional<std::string> trigger = StringArgument(info[2], "trigger");
  if (!trigger) return Napi::Value();
  std::optional<Napi::Function> function = FunctionArgument(info[3], "onReady");
  if (!function) return Napi::Value();
  AddonData& data = AddonData::Of(env);
  if (data.environment->ending()) return Number(env, -ECANCELED);
  Result<OwnedFd> fd = trigger->empty() ? OwnedFd::OpenBeneath(*directory, file->c_str(), O_RDONLY)
                                        : OpenPressureTrigger(*directory, file->c_str(), *trigger);
  if (!fd.ok()) return Number(env, fd.error());
  Result<Poll::Pointer> poll = Poll::Create(data.environment, fd.value().get(), Poll::For::kPriority);
  if (!poll.ok()) return Number(env, poll.error());
  // The poll's own, so that it lives until libuv's close callback, whoever is on the stack.
  auto on_ready = std::make_shared<Dispatch>(data.environment, *function);
  if (int error = poll.value()->Start([on_ready](int status) { on_ready->Call(status); }); error < 0)
    return Number(env, error);
  data.priority_parts = Parts{std::move(fd).value(), std::move(poll).value()};
  Napi::Value handle = data.priority_class.New({});
  data.priority_parts.reset();
  if (data.priority_orphan) {
    data.priority_orphan.reset();
    return Number(env, -ECANCELED);
  }
  return handle;
}

PriorityHandle::PriorityHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PriorityHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.priority_orphan.reset(this);
    return;
  }
  if (!data.priority_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  Parts parts = std::move(*std::exchange(data.priority_parts, std::nullopt));
  fd_ = std::move(parts.fd);
  poll_ = std::move(parts.poll);
  environment_->Enter(this);
}

PriorityHandle::~PriorityHandle() {
  Release(nullptr);
}

bool PriorityHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!fd_.ok()) return false;
  environment_->Leave(this);
  // libuv lets go of the fd first, or it would watch a number that somebody else has.
  poll_.release()->Close([on_closed] {
    if (on_closed) on_closed->Call();
  });
  fd_.Close();
  return true;
}

Napi::Value PriorityHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info.Env(), fd_.get());
}

Napi::Value PriorityHandle::Read(const Napi::CallbackInfo& info) {
  if (!fd_.ok()) return Number(info.Env(), -EBADF);
  char buffer[4096];
  ssize_t length = pread(fd_.get(), buffer, sizeof buffer, 0);
  if (length < 0) return Number(info.Env(), -errno);
  return Napi::String::New(info.Env(), buffer, static_cast<size_t>(length));
}

Napi::Value PriorityHandle::Pause(const Napi::CallbackInfo& info) {
  return Number(info.Env(), fd_.ok() ? poll_->Pause() : -EBADF);
}

Napi::Value PriorityHandle::SetRef(const Napi::CallbackInfo& info) {
  return SetPollRef(info, poll_.get());
}

Napi::Value PriorityHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), fd_.ok() && poll_->HasRef());
}

Napi::Value PriorityHandle::Close(const Napi::CallbackInfo& info) {
  auto on_closed = OnClosedArgument(info, fd_.ok(), environment_);
  if (!on_closed) return Napi::Value();
  return Napi::Boolean::New(info.Env(), Release(*std::move(on_closed)));
}

}  // namespace cofferdam
