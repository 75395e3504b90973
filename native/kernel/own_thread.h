#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <memory>

#include "result.h"

namespace cofferdam {

// Work on a thread of its own, which ends with it: what the kernel may take long over, away from the event
// loop.
//
// The thread runs no signal handlers of the host program, and has a small stack. Where its creator has a
// real-time priority it gets the next higher one, if it may.
class OwnThread {
 public:
  // `ended` is called on the thread, as the last thing it does. -EAGAIN where no thread can be had.
  static Result<std::unique_ptr<OwnThread>> Start(std::function<void()> work, std::function<void()> ended);
  // Waits for the thread.
  ~OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

  // The work is done: destroying this will hardly have to wait.
  bool Ended() const { return ended_.load(std::memory_order_acquire); }
  // The thread is gone: destroying this will not wait at all. On a busy machine one that has ended may still
  // have to be scheduled to go.
  bool Gone();

 private:
  OwnThread(std::function<void()> work, std::function<void()> ended)
      : work_(std::move(work)), on_ended_(std::move(ended)) {}
  static void* Run(void* self);

  const std::function<void()> work_;
  const std::function<void()> on_ended_;
  std::atomic<bool> ended_ = false;
  bool started_ = false;
  pthread_t thread_;
};

}  // namespace cofferdam
