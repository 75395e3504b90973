#include "pipeline_handle.h"

#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <utility>

#include "../kernel/netlink_netns.h"
#include "addon_data.h"
#include "arguments.h"
#include "poll_calls.h"

namespace cofferdam {

namespace {

Napi::Value Number(const Napi::CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}

}  // namespace

Napi::Function PipelineHandle::Class(Napi::Env env) {
  return DefineClass(env, "NativePipeline",
                     {
                         InstanceAccessor<&PipelineHandle::Fd>("fd"),
                         InstanceAccessor<&PipelineHandle::PortId>("portId"),
                         InstanceAccessor<&PipelineHandle::NetnsInode>("netnsInode"),
                         InstanceMethod<&PipelineHandle::GetOption>("getOption"),
                         InstanceMethod<&PipelineHandle::Start>("start"),
                         InstanceMethod<&PipelineHandle::Submit>("submit"),
                         InstanceMethod<&PipelineHandle::Collect>("collect"),
                         InstanceMethod<&PipelineHandle::Stop>("stop"),
                         InstanceMethod<&PipelineHandle::Ref>("ref"),
                         InstanceMethod<&PipelineHandle::Unref>("unref"),
                         InstanceMethod<&PipelineHandle::HasRef>("hasRef"),
                         InstanceMethod<&PipelineHandle::Close>("close"),
                     });
}

Napi::Value PipelineHandle::Open(const Napi::CallbackInfo& info) {
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
  std::optional<int32_t> send_buffer = IntArgument(options.Get("sendBuffer"), "sendBuffer");
  if (!send_buffer) return Napi::Value();
  if (*receive_buffer < 0 || *send_buffer < 0 || *netns_fd < -1) return Number(info, -EINVAL);
  if (data.environment->ending()) return Number(info, -ECANCELED);

  Result<NetlinkIo> io = OpenNetlinkIn(*netns_fd, {*protocol, *receive_buffer});
  if (!io.ok()) return Number(info, io.error());
  // FORCE passes net.core.wmem_max but wants CAP_NET_ADMIN; what was granted is asked for by getOption.
  NetlinkIo socket = std::move(io).value();
  if (socket.SetOption(SOL_SOCKET, SO_SNDBUFFORCE, *send_buffer) < 0) {
    if (int error = socket.SetOption(SOL_SOCKET, SO_SNDBUF, *send_buffer); error < 0)
      return Number(info, error);
  }
  auto works = std::make_shared<Works>();
  works->environment = data.environment;
  Result<Wake*> wake = Wake::Create(data.environment, [works] { works->OnWake(); });
  if (!wake.ok()) return Number(info, wake.error());
  works->wake = wake.value();
  Result<std::unique_ptr<WindowExchange>> exchange =
      WindowExchange::Start(std::move(socket), [bell = works->wake] { bell->Send(); });
  if (!exchange.ok()) {
    works->wake->Close(nullptr);
    return Number(info, exchange.error());
  }
  works->exchange = std::move(exchange).value();
  data.pipeline_parts = Parts{works};
  Napi::Value handle = data.pipeline_class.New({});
  if (std::exchange(data.pipeline_parts, std::nullopt)) works->Finish();  // the constructor never ran
  if (data.pipeline_orphan) {
    data.pipeline_orphan.reset();
    return Number(info, -ECANCELED);
  }
  return handle;
}

PipelineHandle::PipelineHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PipelineHandle>(info) {
  AddonData& data = AddonData::Of(info.Env());
  // With an exception pending, node-addon-api deletes us.
  if (IsEmpty() && !info.Env().IsExceptionPending()) {
    data.pipeline_orphan.reset(this);
    return;
  }
  if (!data.pipeline_parts) {
    Napi::TypeError::New(info.Env(), "Illegal constructor").ThrowAsJavaScriptException();
    return;
  }
  environment_ = data.environment;
  works_ = std::exchange(data.pipeline_parts, std::nullopt)->works;
  environment_->Enter(this);
}

PipelineHandle::~PipelineHandle() {
  Release(nullptr);
}

void PipelineHandle::Works::OnWake() {
  if (!closing) {
    // It may close us: what we are part of lives until libuv's close callback.
    if (on_answered) on_answered->Call();
    return;
  }
  if (!exchange->Idle()) return;
  std::shared_ptr<Environment> kept = environment;
  Finish();
  kept->EndClosing();
}

void PipelineHandle::Works::Finish() {
  // The thread first, and with it the socket: it rings until it has ended.
  exchange.reset();
  wake->Close([dispatch = on_closed] {
    if (dispatch) dispatch->Call();
  });
}

void PipelineHandle::Release(std::shared_ptr<Dispatch> on_closed) {
  if (!open()) return;
  std::shared_ptr<Works> works = std::move(works_);
  environment_->Leave(this);
  works->on_closed = std::move(on_closed);
  works->exchange->Stop();
  if (works->exchange->Idle()) {
    works->Finish();
    return;
  }
  works->closing = true;
  // The thread wakes us when the kernel has let it go. Until then the loop and the environment have to live:
  // without a reference the loop of an environment that ends would not even look.
  environment_->BeginClosing();
  works->wake->SetRef(true);
}

Napi::Value PipelineHandle::Fd(const Napi::CallbackInfo& info) {
  return Number(info, open() ? works_->exchange->io().fd() : -1);
}

Napi::Value PipelineHandle::PortId(const Napi::CallbackInfo& info) {
  return Number(info, open() ? works_->exchange->io().port_id() : 0);
}

Napi::Value PipelineHandle::NetnsInode(const Napi::CallbackInfo& info) {
  return Number(info, open() ? static_cast<double>(works_->exchange->io().NetnsInode()) : 0);
}

Napi::Value PipelineHandle::GetOption(const Napi::CallbackInfo& info) {
  std::optional<int32_t> level = IntArgument(info[0], "level");
  if (!level) return Napi::Value();
  std::optional<int32_t> name = IntArgument(info[1], "name");
  if (!name) return Napi::Value();
  return Number(info, open() ? works_->exchange->io().GetOption(*level, *name) : -EBADF);
}

Napi::Value PipelineHandle::Start(const Napi::CallbackInfo& info) {
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onAnswered");
  if (!function) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (works_->on_answered) return Number(info, -EALREADY);
  works_->on_answered = std::make_shared<Dispatch>(environment_, *function);
  return Number(info, 0);
}

Napi::Value PipelineHandle::Submit(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "bytes must be a Uint8Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  std::optional<int32_t> length = IntArgument(info[1], "length");
  if (!length) return Napi::Value();
  if (!info[2].IsBoolean()) {
    Napi::TypeError::New(info.Env(), "stopAtRefusal must be a boolean").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  if (!open()) return Number(info, -EBADF);
  Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  if (*length <= 0 || static_cast<size_t>(*length) > bytes.ByteLength()) return Number(info, -EINVAL);
  // A copy: JavaScript goes on writing, or takes the buffer away, while the thread reads.
  WindowExchange::Window window = {{bytes.Data(), bytes.Data() + *length}, info[2].As<Napi::Boolean>()};
  return Number(info, works_->exchange->Submit(std::move(window)));
}

Napi::Value PipelineHandle::Collect(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!open()) return env.Undefined();
  std::optional<WindowExchange::Answer> answer = works_->exchange->Collect();
  if (!answer) return env.Undefined();
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, answer->bytes.size());
  if (bytes.IsEmpty()) return Napi::Value();  // out of memory, and JavaScript is told so
  if (!answer->bytes.empty()) memcpy(bytes.Data(), answer->bytes.data(), answer->bytes.size());
  Napi::Object result = Napi::Object::New(env);
  result["status"] = Napi::Number::New(env, answer->status);
  result["sent"] = Napi::Number::New(env, static_cast<double>(answer->sent));
  result["bytes"] = bytes;
  return result;
}

Napi::Value PipelineHandle::Stop(const Napi::CallbackInfo& info) {
  return Number(info, open() ? static_cast<double>(works_->exchange->Stop()) : -EBADF);
}

Napi::Value PipelineHandle::Ref(const Napi::CallbackInfo& info) {
  if (open()) works_->wake->SetRef(works_->has_ref = true);
  return info.Env().Undefined();
}

Napi::Value PipelineHandle::Unref(const Napi::CallbackInfo& info) {
  if (open()) works_->wake->SetRef(works_->has_ref = false);
  return info.Env().Undefined();
}

Napi::Value PipelineHandle::HasRef(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open() && works_->has_ref);
}

Napi::Value PipelineHandle::Close(const Napi::CallbackInfo& info) {
  auto on_closed = OnClosedArgument(info, open(), environment_);
  if (!on_closed) return Napi::Value();
  Release(*std::move(on_closed));
  return info.Env().Undefined();
}

}  // namespace cofferdam
