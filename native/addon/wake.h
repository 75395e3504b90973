#pragma once

#include <functional>
#include <memory>

#include "../kernel/result.h"
#include "environment.h"

struct uv_async_s;

namespace cofferdam {

// Wakes the event loop from any thread: a uv_async_t, which takes no fd of its own.
//
// Whoever calls Send on another thread must be joined before Close.
class Wake {
 public:
  // A new one does not keep the event loop alive. `on_wake` runs on the loop, once for one or more Sends.
  static Result<Wake*> Create(std::shared_ptr<Environment> environment, std::function<void()> on_wake);

  void Send();
  void SetRef(bool on);
  // Stops at once; `on_closed` runs when libuv has let go. The object must not be used any more.
  void Close(std::function<void()> on_closed);

 private:
  Wake(std::shared_ptr<Environment> environment, std::function<void()> on_wake);
  ~Wake();

  std::shared_ptr<Environment> environment_;
  std::unique_ptr<uv_async_s> handle_;
  std::function<void()> on_wake_;
  std::function<void()> on_closed_;
};

}  // namespace cofferdam
