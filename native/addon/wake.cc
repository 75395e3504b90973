#include "wake.h"

#include <uv.h>

#include <utility>

namespace cofferdam {

Wake::Wake(std::shared_ptr<Environment> environment, std::function<void()> on_wake)
    : environment_(std::move(environment)),
      handle_(std::make_unique<uv_async_t>()),
      on_wake_(std::move(on_wake)) {
  handle_->data = this;
}

Wake::~Wake() = default;

Result<Wake*> Wake::Create(std::shared_ptr<Environment> environment, std::function<void()> on_wake) {
  uv_loop_t* loop = environment->loop();
  if (loop == nullptr) return Errno{-EINVAL};
  Wake* wake = new Wake(std::move(environment), std::move(on_wake));
  int error = uv_async_init(loop, wake->handle_.get(), [](uv_async_t* handle) {
    Wake* self = static_cast<Wake*>(handle->data);
    // A copy: it may close us.
    std::function<void()> call = self->on_wake_;
    call();
  });
  if (error < 0) {
    delete wake;
    return Errno{error};
  }
  wake->SetRef(false);
  return wake;
}

void Wake::Send() {
  uv_async_send(handle_.get());
}

void Wake::SetRef(bool on) {
  auto* handle = reinterpret_cast<uv_handle_t*>(handle_.get());
  if (on) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

void Wake::Close(std::function<void()> on_closed) {
  on_closed_ = std::move(on_closed);
  environment_->BeginClosing();
  uv_close(reinterpret_cast<uv_handle_t*>(handle_.get()), [](uv_handle_t* handle) {
    Wake* wake = static_cast<Wake*>(handle->data);
    if (wake->on_closed_) wake->on_closed_();
    std::shared_ptr<Environment> environment = std::move(wake->environment_);
    delete wake;
    environment->EndClosing();
  });
}

}  // namespace cofferdam
