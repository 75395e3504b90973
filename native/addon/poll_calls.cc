#include "poll_calls.h"

#include "arguments.h"

namespace cofferdam {

Napi::Value SetPollRef(const Napi::CallbackInfo& info, Poll* poll) {
  if (!info[0].IsBoolean()) {
    Napi::TypeError::New(info.Env(), "on must be a boolean").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  const bool on = info[0].As<Napi::Boolean>();
  if (poll != nullptr && on) poll->Ref();
  if (poll != nullptr && !on) poll->Unref();
  return info.Env().Undefined();
}

std::optional<std::shared_ptr<Dispatch>> OnClosedArgument(const Napi::CallbackInfo& info, bool open,
                                                          const std::shared_ptr<Environment>& environment) {
  if (info[0].IsUndefined()) return nullptr;
  std::optional<Napi::Function> function = FunctionArgument(info[0], "onClosed");
  if (!function) return std::nullopt;
  return open ? std::make_shared<Dispatch>(environment, *function) : nullptr;
}

}  // namespace cofferdam
