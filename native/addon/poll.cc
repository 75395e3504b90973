#include "poll.h"

#include <uv.h>

#include <utility>

namespace cofferdam {

Poll::Poll(std::shared_ptr<Environment> environment, For what)
    : environment_(std::move(environment)), handle_(std::make_unique<uv_poll_t>()), what_(what) {
  handle_->data = this;
}

Poll::~Poll() = default;

Result<Poll::Pointer> Poll::Create(std::shared_ptr<Environment> environment, int fd, For what) {
  uv_loop_t* loop = environment->loop();
  if (loop == nullptr) return Errno{-EINVAL};
  Poll* poll = new Poll(std::move(environment), what);
  if (int error = uv_poll_init(loop, poll->handle_.get(), fd); error < 0) {
    // libuv has not taken the handle: no uv_close, and uv's error numbers are errno's on Linux.
    delete poll;
    return Errno{error};
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(poll->handle_.get()));
  return Pointer(poll);
}

int Poll::Start(std::function<void(int)> on_ready) {
  on_ready_ = std::move(on_ready);
  return Resume();
}

void Poll::OnPoll(uv_poll_t* handle, int status, int) {
  Poll* poll = static_cast<Poll*>(handle->data);
  // libuv stops the watcher on EPOLLERR, and an overrun (ENOBUFS) is one: without a restart the listener
  // would be deaf for ever. Before the callback, which may close us.
  if (status < 0) {
    poll->polling_ = false;
    if (int error = poll->Resume(); error < 0) status = error;
  }
  poll->on_ready_(status);
}

// libuv makes a system call of each start and stop, though it be one already.
int Poll::Pause() {
  if (!polling_) return 0;
  polling_ = false;
  return uv_poll_stop(handle_.get());
}

int Poll::Resume() {
  if (polling_) return 0;
  int error = uv_poll_start(handle_.get(), what_ == For::kPriority ? UV_PRIORITIZED : UV_READABLE, OnPoll);
  polling_ = error == 0;
  return error;
}

void Poll::Ref() {
  uv_ref(reinterpret_cast<uv_handle_t*>(handle_.get()));
}

void Poll::Unref() {
  uv_unref(reinterpret_cast<uv_handle_t*>(handle_.get()));
}

bool Poll::HasRef() const {
  return uv_has_ref(reinterpret_cast<uv_handle_t*>(handle_.get())) != 0;
}

void Poll::Close(std::function<void()> on_closed) {
  on_closed_ = std::move(on_closed);
  environment_->BeginClosing();
  uv_close(reinterpret_cast<uv_handle_t*>(handle_.get()), [](uv_handle_t* handle) {
    Poll* poll = static_cast<Poll*>(handle->data);
    // Whatever the callback does, the environment may end only after it.
    if (poll->on_closed_) poll->on_closed_();
    std::shared_ptr<Environment> environment = std::move(poll->environment_);
    delete poll;
    environment->EndClosing();
  });
}

}  // namespace cofferdam
