#include "pidfd_handle.h"

#include <signal.h>
#include <sys/wait.h>

#include <utility>

#include "../kernel/spawn.h"
#include "addon_data.h"
#include "arguments.h"
#include "fd_handle.h"

namespace cofferdam {

namespace {

Napi::Value Number(const Napi::CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}

double Microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

}  // namespace

Napi::Value ExitValue(Napi::Env env, Result<ProcessExit> exit) {
  if (!exit.ok()) return Napi::Number::New(env, exit.error());
  const ProcessExit& how = exit.value();
  Napi::Object value = Napi::Object::New(env);
  value["signaled"] = Napi::Boolean::New(env, how.reason != CLD_EXITED);
  value["coreDumped"] = Napi::Boolean::New(env, how.reason == CLD_DUMPED);
  value["status"] = Napi::Number::New(env, how.status);
  if (!how.has_usage) return value;
  Napi::Object usage = Napi::Object::New(env);
  auto set = [&](const char* name, double number) { usage[name] = Napi::Number::New(env, number); };
  set("userTime", Microseconds(how.usage.ru_utime));
  set("systemTime", Microseconds(how.usage.ru_stime));
  set("maxRss", static_cast<double>(how.usage.ru_maxrss) * 1024);
  set("minorFaults", static_cast<double>(how.usage.ru_minflt));
  set("majorFaults", static_cast<double>(how.usage.ru_majflt));
  set("blocksIn", static_cast<double>(how.usage.ru_inblock));
  set("blocksOut", static_cast<double>(how.usage.ru_oublock));
  set("voluntarySwitches", static_cast<double>(how.usage.ru_nvcsw));
  set("involuntarySwitches", static_cast<double>(how.usage.ru_nivcsw));
  value["usage"] = usage;
  return value;
}

Napi::Function PidfdHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativePidfd",
                     {
                         InstanceAccessor<&PidfdHandle::Fd>("fd"),
                         InstanceAccessor<&PidfdHandle::Pid>("pid"),
                         InstanceMethod<&PidfdHandle::Send>("send"),
                         InstanceMethod<&PidfdHandle::Ended>("ended"),
                         InstanceMethod<&PidfdHandle::Exit>("exit"),
                         InstanceMethod<&PidfdHandle::WatchExit>("watch"),
                         InstanceMethod<&PidfdHandle::GetFd>("getFd"),
                         InstanceMethod<&PidfdHandle::Ref>("ref"),
                         InstanceMethod<&PidfdHandle::Unref>("unref"),
                         InstanceMethod<&PidfdHandle::HasRef>("hasRef"),
                         InstanceMethod<&PidfdHandle::CloseHandle>("close"),
                     });
}

Napi::Value PidfdHandle::Wrap(Napi::Env env, std::shared_ptr<Watch> watch) {
  AddonData& data = AddonData::Of(env);
  data.pidfd_parts = Parts{std::move(watch)};
  Napi::Value handle = data.pidfd_class.New({});
  data.pidfd_parts.reset();
  if (data.pidfd_orphan) {
    data.pidfd_orphan.reset();
    return Napi::Number::New(env, -ECANCELED);
  }
  return handle;
}

Napi::Value PidfdHandle::Open(const Napi::CallbackInfo& info) {
  std::optional<int32_t> pid = IntArgument(info[0], "pid");
  if (!pid) return Napi::Value();
  AddonData& data = AddonData::Of(info.Env());
  if (data.environment->ending()) return Number(info, -ECANCELED);
  Result<OwnedFd> pidfd = OwnedFd::Pidfd(*pid);
  if (!pidfd.ok()) return Number(info, pidfd.error());
  auto watch = std::make_shared<Watch>();
  watch->environment = data.environment;
  watch->pidfd = std::move(pidfd).value();
  watch->pid = *pid;
  return Wrap(info.Env(), std::move(watch));
}

Napi::Value PidfdHandle::Adopt(Napi::Env env, Spawned* spawned) {
  AddonData& data = AddonData::Of(env);
  auto watch = std::make_shared<Watch>();
  watch->environment = data.environment;
  watch->children = data.children;
  watch->pidfd = std::move(spawned->pidfd);
  watch->pid = spawned->pid;
  watch->unreaped = true;
  watch->children->insert(watch->pid);
  if (int error = StartPolling(watch); error < 0) {
    // Nobody would hear of its end.
    SendSignal(watch->pidfd.get(), SIGKILL);
    ReapEnding(watch->pidfd.get());
    watch->children->erase(watch->pid);
    return Napi::Number::New(env, error);
  }
  Napi::Value handle = Wrap(env, watch);
  // No handle, and nobody to close it: the environment is being terminated.
  if ((handle.IsEmpty() || handle.IsNumber()) && watch->pidfd.ok() && !watch->closing) Close(watch, nullptr);
  return handle;
}

PidfdHandle::PidfdHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PidfdHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.pidfd_orphan.reset(this);
    return;
  }
  if (!data.pidfd_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  watch_ = std::exchange(data.pidfd_parts, std::nullopt)->watch;
  pid_ = watch_->pid;
  environment_->Enter(this);
}

PidfdHandle::~PidfdHandle() {
  Release(nullptr);
}

bool PidfdHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!open()) return false;
  environment_->Leave(this);
  return Close(std::exchange(watch_, nullptr), std::move(on_closed));
}

int PidfdHandle::StartPolling(const std::shared_ptr<Watch>& watch) {
  if (watch->poll != nullptr) return 0;
  Result<Poll::Pointer> poll = Poll::Create(watch->environment, watch->pidfd.get());
  if (!poll.ok()) return poll.error();
  // Each holds the other, until Finish.
  int error = poll.value()->Start([watch](int) { watch->OnReadable(watch); });
  if (error < 0) return error;
  watch->poll = std::move(poll).value();
  if (watch->has_ref) watch->poll->Ref();
  return 0;
}

void PidfdHandle::Watch::OnReadable(const std::shared_ptr<Watch>& self) {
  // It stays readable from here on.
  poll->Pause();
  if (unreaped) Reap();
  if (!closing) {
    if (on_exit != nullptr) on_exit->Call();
    return;
  }
  std::shared_ptr<Environment> kept = environment;
  Finish(self);
  kept->EndClosing();
}

void PidfdHandle::Watch::Reap() {
  reaped = ChildExit(pidfd.get(), true);
  unreaped = false;
  children->erase(pid);
}

bool PidfdHandle::Close(const std::shared_ptr<Watch>& watch, std::shared_ptr<Dispatch> on_closed) {
  watch->on_closed = std::move(on_closed);
  // A program with more rights than ours cannot be killed: it is left alone, and nobody waits for it.
  if (!watch->unreaped || SendSignal(watch->pidfd.get(), SIGKILL) < 0) return Finish(watch);
  // Until it is reaped the loop and the environment have to live.
  watch->closing = true;
  watch->environment->BeginClosing();
  watch->poll->Ref();
  return true;
}

bool PidfdHandle::Finish(const std::shared_ptr<Watch>& watch) {
  bool later = watch->poll != nullptr;
  // `watch` may be on the stack above us, and who it calls: both live until libuv's close callback.
  if (later) {
    watch->poll.release()->Close([watch] {
      if (watch->on_closed != nullptr) watch->on_closed->Call();
    });
  }
  watch->pidfd.Close();
  return later;
}

Napi::Value PidfdHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info, open() ? watch_->pidfd.get() : -1);
}

Napi::Value PidfdHandle::Pid(const Napi::CallbackInfo& info) {
  return Number(info, pid_);
}

Napi::Value PidfdHandle::Send(const Napi::CallbackInfo& info) {
  std::optional<int32_t> signal = IntArgument(info[0], "signal");
  if (!signal) return Napi::Value();
  return Number(info, open() ? SendSignal(watch_->pidfd.get(), *signal) : -EBADF);
}

Napi::Value PidfdHandle::Ended(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open() && HasEnded(watch_->pidfd.get()));
}

Napi::Value PidfdHandle::Exit(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  if (watch_->unreaped && HasEnded(watch_->pidfd.get())) watch_->Reap();
  if (watch_->unreaped) return Number(info, -EAGAIN);
  if (watch_->reaped && watch_->reaped->ok()) return ExitValue(info.Env(), *watch_->reaped);
  Result<ProcessExit> exit = ChildExit(watch_->pidfd.get(), false);
  return ExitValue(info.Env(), exit.error() == -ECHILD ? ReapedExit(watch_->pidfd.get()) : exit);
}

Napi::Value PidfdHandle::WatchExit(const Napi::CallbackInfo& info) {
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onExit");
  if (!function) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (watch_->on_exit != nullptr) return Number(info, -EALREADY);
  watch_->on_exit = std::make_shared<Dispatch>(environment_, *function);
  int error = StartPolling(watch_);
  if (error < 0) watch_->on_exit.reset();
  return Number(info, error);
}

Napi::Value PidfdHandle::GetFd(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  return FdHandle::Wrap(info.Env(), OwnedFd::OfProcess(watch_->pidfd.get(), *fd));
}

Napi::Value PidfdHandle::SetRef(const Napi::CallbackInfo& info, bool on) {
  if (open()) {
    watch_->has_ref = on;
    if (watch_->poll != nullptr) {
      if (on) {
        watch_->poll->Ref();
      } else {
        watch_->poll->Unref();
      }
    }
  }
  return info.Env().Undefined();
}

Napi::Value PidfdHandle::Ref(const Napi::CallbackInfo& info) {
  return SetRef(info, true);
}

Napi::Value PidfdHandle::Unref(const Napi::CallbackInfo& info) {
  return SetRef(info, false);
}

Napi::Value PidfdHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open() && watch_->has_ref);
}

Napi::Value PidfdHandle::CloseHandle(const Napi::CallbackInfo& info) {
  std::shared_ptr<Dispatch> on_closed;
  if (!info[0].IsUndefined()) {
    std::optional<Napi::Function> function = FunctionArgument(info[0], "onClosed");
    if (!function) return Napi::Value();
    if (open()) on_closed = std::make_shared<Dispatch>(environment_, *function);
  }
  return Napi::Boolean::New(info.Env(), Release(std::move(on_closed)));
}

}  // namespace cofferdam
