#include "dispatch.h"

#include <utility>

namespace cofferdam {

Dispatch::Dispatch(std::shared_ptr<Environment> environment, Napi::Function function)
    : environment_(std::move(environment)), function_(Napi::Persistent(function)) {
  Napi::Env env = function.Env();
  napi_async_init(env, nullptr, Napi::String::New(env, "COFFERDAM"), &context_);
}

Dispatch::~Dispatch() {
  if (context_ != nullptr) napi_async_destroy(environment_->env(), context_);
}

void Dispatch::Call(std::optional<int> status) {
  if (environment_->ending()) return;
  napi_env env = environment_->env();
  Napi::HandleScope scope(env);
  napi_value argument = nullptr;
  if (status.has_value() && napi_create_int32(env, *status, &argument) != napi_ok) argument = nullptr;
  CallWith(argument);
}

void Dispatch::CallWith(napi_value argument) {
  if (environment_->ending()) return;
  napi_env env = environment_->env();
  Napi::HandleScope scope(env);
  napi_value receiver = nullptr;
  // napi_make_callback wants an object to call upon.
  if (napi_get_global(env, &receiver) != napi_ok) return;
  size_t count = argument == nullptr ? 0 : 1;
  if (napi_make_callback(env, context_, receiver, function_.Value(), count, &argument, nullptr) == napi_ok)
    return;
  // Not every failure is a throw: in a Worker that is being terminated nothing can be called, and nothing is
  // said.
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

}  // namespace cofferdam
