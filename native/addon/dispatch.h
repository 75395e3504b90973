#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "environment.h"

namespace cofferdam {

// A JavaScript function that native code calls later, from the event loop. The only place that calls
// JavaScript.
//
// It runs as a callback of its own (napi_make_callback): microtasks and nextTicks run after it, and
// AsyncLocalStorage holds what it held when the Dispatch was made. A throw becomes an uncaughtException, as
// that of any listener: left pending in a uv callback it would crash the process.
class Dispatch {
 public:
  Dispatch(std::shared_ptr<Environment> environment, Napi::Function function);
  ~Dispatch();
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;

  // Calls the function, with `status` if there is one. Must outlive the call: who closes a handle from within
  // it keeps the Dispatch until the close callback.
  void Call(std::optional<int> status = std::nullopt);
  // Calls it with one value of whatever kind, made in a scope of the caller's.
  void CallWith(napi_value argument);

 private:
  std::shared_ptr<Environment> environment_;
  Napi::FunctionReference function_;
  napi_async_context context_ = nullptr;
};

}  // namespace cofferdam
