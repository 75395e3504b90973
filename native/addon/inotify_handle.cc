#include "inotify_handle.h"

#include <fcntl.h>

#include <optional>
#include <string>
#include <utility>

#include "../kernel/owned_fd.h"
#include "addon_data.h"
#include "arguments.h"
#include "file_name.h"
#include "poll_calls.h"

namespace cofferdam {

namespace {

Napi::Value Number(Napi::Env env, double value) {
  return Napi::Number::New(env, value);
}

}  // namespace

Napi::Function InotifyHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeInotify",
                     {
                         InstanceAccessor<&InotifyHandle::Fd>("fd"),
                         InstanceMethod<&InotifyHandle::Watch>("watch"),
                         InstanceMethod<&InotifyHandle::Unwatch>("unwatch"),
                         InstanceMethod<&InotifyHandle::Take>("take"),
                         InstanceMethod<&InotifyHandle::SetRef>("setRef"),
                         InstanceMethod<&InotifyHandle::HasRef>("hasRef"),
                         InstanceMethod<&InotifyHandle::Close>("close"),
                     });
}

Napi::Value InotifyHandle::Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onReady");
  if (!function) return Napi::Value();
  AddonData& data = AddonData::Of(env);
  if (data.environment->ending()) return Number(env, -ECANCELED);
  auto works = std::make_shared<Works>();
  works->on_ready = std::make_shared<Dispatch>(data.environment, *function);
  std::weak_ptr<Works> weak = works;
  auto ready = [weak](int = 0) {
    if (std::shared_ptr<Works> works = weak.lock()) works->OnReady();
  };
  Result<Wake*> wake = Wake::Create(data.environment, ready);
  if (!wake.ok()) return Number(env, wake.error());
  works->wake = wake.value();
  Result<std::unique_ptr<SharedInotify>> inotify =
      SharedInotify::Open([bell = works->wake] { bell->Send(); });
  int error = inotify.error();
  if (inotify.ok()) {
    works->inotify = std::move(inotify).value();
    Result<Poll::Pointer> poll = Poll::Create(data.environment, works->inotify->fd());
    error = poll.error();
    if (poll.ok()) {
      works->poll = std::move(poll).value();
      error = works->poll->Start(ready);
    }
  }
  if (error < 0) {
    works->Finish(nullptr);
    return Number(env, error);
  }
  data.inotify_parts = Parts{works};
  Napi::Value handle = data.inotify_class.New({});
  if (std::exchange(data.inotify_parts, std::nullopt)) works->Finish(nullptr);  // the constructor never ran
  if (data.inotify_orphan) {
    data.inotify_orphan.reset();
    return Number(env, -ECANCELED);
  }
  return handle;
}

InotifyHandle::InotifyHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<InotifyHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.inotify_orphan.reset(this);
    return;
  }
  if (!data.inotify_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  works_ = std::exchange(data.inotify_parts, std::nullopt)->works;
  environment_->Enter(this);
}

InotifyHandle::~InotifyHandle() {
  Release(nullptr);
}

void InotifyHandle::Works::OnReady() {
  // It may close us: the Dispatch lives until the call is over.
  std::shared_ptr<Dispatch> dispatch = on_ready;
  if (dispatch) dispatch->Call();
}

void InotifyHandle::Works::Finish(std::shared_ptr<Dispatch> on_closed) {
  // The last of the two close callbacks lets go of it, in whichever order libuv calls them.
  std::shared_ptr<void> closed(nullptr, [on_closed = std::move(on_closed)](void*) {
    if (on_closed) on_closed->Call();
  });
  if (poll) poll.release()->Close([closed] {});
  // No other thread rings any more, once this has returned.
  inotify.reset();
  std::exchange(wake, nullptr)->Close([closed] {});
}

bool InotifyHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!works_) return false;
  environment_->Leave(this);
  std::exchange(works_, nullptr)->Finish(std::move(on_closed));
  return true;
}

Napi::Value InotifyHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info.Env(), works_ ? works_->inotify->fd() : -1);
}

Napi::Value InotifyHandle::Watch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> directory = IntArgument(info[0], "directory");
  if (!directory) return Napi::Value();
  std::optional<std::string> file = StringArgument(info[1], "file");
  if (!file) return Napi::Value();
  std::optional<int32_t> mask = IntArgument(info[2], "mask");
  if (!mask) return Napi::Value();
  if (!works_) return Number(env, -EBADF);
  Result<OwnedFd> opened = OwnedFd::OpenBeneath(*directory, file->c_str(), O_PATH);
  if (!opened.ok()) return Number(env, opened.error());
  Result<int> watch = works_->inotify->Watch(opened.value().get(), static_cast<uint32_t>(*mask));
  return Number(env, watch.ok() ? watch.value() : watch.error());
}

Napi::Value InotifyHandle::Unwatch(const Napi::CallbackInfo& info) {
  std::optional<int32_t> watch = IntArgument(info[0], "watch");
  if (!watch) return Napi::Value();
  if (works_) works_->inotify->Unwatch(*watch);
  return info.Env().Undefined();
}

Napi::Value InotifyHandle::Take(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!works_) return Number(env, -EBADF);
  SharedInotify::News news;
  if (int error = works_->inotify->Take(&news); error < 0) return Number(env, error);
  Napi::Array changes = Napi::Array::New(env);
  uint32_t index = 0;
  auto add = [&](int watch, const std::string& name) {
    changes.Set(index++, Number(env, watch));
    changes.Set(index++, FileName(env, name));
  };
  if (news.overflow) add(-1, "");
  for (const auto& [watch, name] : news.changes) add(watch, name);
  return changes;
}

Napi::Value InotifyHandle::SetRef(const Napi::CallbackInfo& info) {
  return SetPollRef(info, works_ ? works_->poll.get() : nullptr);
}

Napi::Value InotifyHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), works_ && works_->poll->HasRef());
}

Napi::Value InotifyHandle::Close(const Napi::CallbackInfo& info) {
  auto on_closed = OnClosedArgument(info, works_ != nullptr, environment_);
  if (!on_closed) return Napi::Value();
  return Napi::Boolean::New(info.Env(), Release(*std::move(on_closed)));
}

}  // namespace cofferdam
