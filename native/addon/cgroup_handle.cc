#include "cgroup_handle.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon_data.h"
#include "arguments.h"
#include "dispatch.h"
#include "file_name.h"

namespace cofferdam {

namespace {

Napi::Value Number(Napi::Env env, double value) {
  return Napi::Number::New(env, value);
}

Napi::Value TextOrErrno(Napi::Env env, const Result<std::string>& text) {
  if (!text.ok()) return Number(env, text.error());
  return Napi::String::New(env, Result<std::string>(text).value());
}

// One read or write on a thread of Node's pool: some files take the kernel long, and hold nobody up there.
// `on_done` gets what the call on the event loop would have returned. No promise of Node-API's: one that the
// end of a Worker leaves unsettled is never freed.
class AsideWork {
 public:
  static int Queue(napi_env env, std::shared_ptr<CgroupDir> directory, std::string file,
                   std::optional<std::string> text, std::unique_ptr<Dispatch> on_done) {
    auto work = std::make_unique<AsideWork>(std::move(directory), std::move(file), std::move(text),
                                            std::move(on_done));
    napi_value name = Napi::String::New(env, "COFFERDAM");
    if (napi_create_async_work(env, nullptr, name, Execute, Complete, work.get(), &work->work_) != napi_ok)
      return -ECANCELED;
    if (napi_queue_async_work(env, work->work_) != napi_ok) {
      napi_delete_async_work(env, work->work_);
      return -ECANCELED;
    }
    work.release();  // Complete has it
    return 0;
  }

  AsideWork(std::shared_ptr<CgroupDir> directory, std::string file, std::optional<std::string> text,
            std::unique_ptr<Dispatch> on_done)
      : directory_(std::move(directory)),
        file_(std::move(file)),
        text_(std::move(text)),
        on_done_(std::move(on_done)) {}

 private:
  static void Execute(napi_env, void* data) {
    auto* work = static_cast<AsideWork*>(data);
    if (!work->text_) {
      work->result_ = work->directory_->Read(work->file_.c_str());
      return;
    }
    int error = work->directory_->Write(work->file_.c_str(), *work->text_);
    if (error < 0) {
      work->result_ = Errno{error};
    } else {
      work->result_ = std::string();
    }
  }

  // On the event loop. Where the environment ends, nobody waits any more.
  static void Complete(napi_env env, napi_status, void* data) {
    std::unique_ptr<AsideWork> work(static_cast<AsideWork*>(data));
    napi_delete_async_work(env, work->work_);
    napi_value value = work->text_ ? Number(env, work->result_.error()) : TextOrErrno(env, work->result_);
    work->on_done_->CallWith(value);
  }

  std::shared_ptr<CgroupDir> directory_;
  const std::string file_;
  const std::optional<std::string> text_;
  const std::unique_ptr<Dispatch> on_done_;
  Result<std::string> result_ = Errno{-ECANCELED};
  napi_async_work work_ = nullptr;
};

}  // namespace

Napi::Function CgroupHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativeCgroup",
                     {
                         InstanceAccessor<&CgroupHandle::Fd>("fd"),
                         InstanceAccessor<&CgroupHandle::Inode>("inode"),
                         InstanceAccessor<&CgroupHandle::Device>("device"),
                         InstanceMethod<&CgroupHandle::OpenBelow>("open"),
                         InstanceMethod<&CgroupHandle::Read>("read"),
                         InstanceMethod<&CgroupHandle::Write>("write"),
                         InstanceMethod<&CgroupHandle::ReadAside>("readAside"),
                         InstanceMethod<&CgroupHandle::WriteAside>("writeAside"),
                         InstanceMethod<&CgroupHandle::Children>("children"),
                         InstanceMethod<&CgroupHandle::Make>("make"),
                         InstanceMethod<&CgroupHandle::Remove>("remove"),
                         InstanceMethod<&CgroupHandle::Lock>("lock"),
                         InstanceMethod<&CgroupHandle::Attribute>("attribute"),
                         InstanceMethod<&CgroupHandle::SetAttribute>("setAttribute"),
                         InstanceMethod<&CgroupHandle::Signal>("signal"),
                         InstanceMethod<&CgroupHandle::Close>("close"),
                     });
}

Napi::Value CgroupHandle::Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<std::string> root = StringArgument(info[0], "root");
  if (!root) return Napi::Value();
  std::optional<std::string> path = FileNameArgument(info[1], "path");
  if (!path) return Napi::Value();
  return Wrap(env, CgroupDir::Open(root->c_str(), path->c_str()));
}

Napi::Value CgroupHandle::OpenBelow(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = FileNameArgument(info[0], "path");
  if (!path) return Napi::Value();
  if (!directory_) return Number(info.Env(), -EBADF);
  return Wrap(info.Env(), directory_->OpenBelow(path->c_str()));
}

Napi::Value CgroupHandle::Wrap(Napi::Env env, Result<CgroupDir> directory) {
  if (!directory.ok()) return Number(env, directory.error());
  AddonData& data = AddonData::Of(env);
  if (data.environment->ending()) return Number(env, -ECANCELED);
  data.cgroup_parts = std::make_shared<CgroupDir>(std::move(directory).value());
  Napi::Value handle = data.cgroup_class.New({});
  data.cgroup_parts.reset();
  if (data.cgroup_orphan) {
    data.cgroup_orphan.reset();
    return Number(env, -ECANCELED);
  }
  return handle;
}

CgroupHandle::CgroupHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CgroupHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.cgroup_orphan.reset(this);
    return;
  }
  if (!data.cgroup_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  directory_ = std::move(data.cgroup_parts);
  environment_->Enter(this);
}

CgroupHandle::~CgroupHandle() {
  Release();
}

int CgroupHandle::Release() {
  if (!directory_) return 0;
  environment_->Leave(this);
  std::shared_ptr<CgroupDir> directory = std::move(directory_);
  // Work that is on its way closes it in our stead; there is nobody then to be told how it went.
  return directory.use_count() == 1 ? directory->Close() : 0;
}

Napi::Value CgroupHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info.Env(), directory_ ? directory_->fd() : -1);
}

Napi::Value CgroupHandle::Inode(const Napi::CallbackInfo& info) {
  return Number(info.Env(), directory_ ? static_cast<double>(directory_->inode()) : 0);
}

Napi::Value CgroupHandle::Device(const Napi::CallbackInfo& info) {
  return Number(info.Env(), directory_ ? static_cast<double>(directory_->device()) : 0);
}

Napi::Value CgroupHandle::Read(const Napi::CallbackInfo& info) {
  std::optional<std::string> file = StringArgument(info[0], "file");
  if (!file) return Napi::Value();
  if (!directory_) return Number(info.Env(), -EBADF);
  return TextOrErrno(info.Env(), directory_->Read(file->c_str()));
}

Napi::Value CgroupHandle::Write(const Napi::CallbackInfo& info) {
  std::optional<std::string> file = StringArgument(info[0], "file");
  if (!file) return Napi::Value();
  std::optional<std::string> text = StringArgument(info[1], "text");
  if (!text) return Napi::Value();
  return Number(info.Env(), directory_ ? directory_->Write(file->c_str(), *text) : -EBADF);
}

Napi::Value CgroupHandle::ReadAside(const Napi::CallbackInfo& info) {
  std::optional<std::string> file = StringArgument(info[0], "file");
  if (!file) return Napi::Value();
  std::optional<Napi::Function> function = FunctionArgument(info[1], "onDone");
  if (!function) return Napi::Value();
  if (!directory_) return Number(info.Env(), -EBADF);
  auto on_done = std::make_unique<Dispatch>(environment_, *function);
  return Number(info.Env(),
                AsideWork::Queue(info.Env(), directory_, std::move(*file), std::nullopt, std::move(on_done)));
}

Napi::Value CgroupHandle::WriteAside(const Napi::CallbackInfo& info) {
  std::optional<std::string> file = StringArgument(info[0], "file");
  if (!file) return Napi::Value();
  std::optional<std::string> text = StringArgument(info[1], "text");
  if (!text) return Napi::Value();
  std::optional<Napi::Function> function = FunctionArgument(info[2], "onDone");
  if (!function) return Napi::Value();
  if (!directory_) return Number(info.Env(), -EBADF);
  auto on_done = std::make_unique<Dispatch>(environment_, *function);
  return Number(info.Env(), AsideWork::Queue(info.Env(), directory_, std::move(*file), std::move(*text),
                                             std::move(on_done)));
}

Napi::Value CgroupHandle::Children(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!directory_) return Number(env, -EBADF);
  Result<std::vector<std::string>> names = directory_->Children();
  if (!names.ok()) return Number(env, names.error());
  Napi::Array array = Napi::Array::New(env, names.value().size());
  for (uint32_t index = 0; index < names.value().size(); ++index)
    array.Set(index, FileName(env, names.value()[index]));
  return array;
}

Napi::Value CgroupHandle::Make(const Napi::CallbackInfo& info) {
  std::optional<std::string> name = FileNameArgument(info[0], "name");
  if (!name) return Napi::Value();
  return Number(info.Env(), directory_ ? directory_->Make(name->c_str()) : -EBADF);
}

Napi::Value CgroupHandle::Remove(const Napi::CallbackInfo& info) {
  std::optional<std::string> name = FileNameArgument(info[0], "name");
  if (!name) return Napi::Value();
  double inode = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
  if (!(inode >= 0) || std::trunc(inode) != inode) {
    Napi::TypeError::New(info.Env(), "inode must be a whole number").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  return Number(info.Env(),
                directory_ ? directory_->Remove(name->c_str(), static_cast<uint64_t>(inode)) : -EBADF);
}

Napi::Value CgroupHandle::Lock(const Napi::CallbackInfo& info) {
  return Number(info.Env(), directory_ ? directory_->Lock() : -EBADF);
}

Napi::Value CgroupHandle::Attribute(const Napi::CallbackInfo& info) {
  std::optional<std::string> name = StringArgument(info[0], "name");
  if (!name) return Napi::Value();
  if (!directory_) return Number(info.Env(), -EBADF);
  return TextOrErrno(info.Env(), directory_->Attribute(name->c_str()));
}

Napi::Value CgroupHandle::SetAttribute(const Napi::CallbackInfo& info) {
  std::optional<std::string> name = StringArgument(info[0], "name");
  if (!name) return Napi::Value();
  std::optional<std::string> value = StringArgument(info[1], "value");
  if (!value) return Napi::Value();
  return Number(info.Env(), directory_ ? directory_->SetAttribute(name->c_str(), *value) : -EBADF);
}

Napi::Value CgroupHandle::Signal(const Napi::CallbackInfo& info) {
  std::optional<int32_t> signal = IntArgument(info[0], "signal");
  if (!signal) return Napi::Value();
  return Number(info.Env(), directory_ ? directory_->Signal(*signal) : -EBADF);
}

Napi::Value CgroupHandle::Close(const Napi::CallbackInfo& info) {
  return Number(info.Env(), Release());
}

}  // namespace cofferdam
