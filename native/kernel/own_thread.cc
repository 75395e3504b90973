#include "own_thread.h"

#include <signal.h>

#include <utility>

namespace cofferdam {

namespace {

// Sanitizers need more than the work itself.
constexpr size_t kStackBytes = 256 * 1024;

}  // namespace

Result<std::unique_ptr<OwnThread>> OwnThread::Start(std::function<void()> work, std::function<void()> ended) {
  std::unique_ptr<OwnThread> own(new OwnThread(std::move(work), std::move(ended)));
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes); error != 0) return Errno{-error};
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not std::thread, which throws where a thread cannot be had: an everyday EAGAIN under RLIMIT_NPROC or
  // pids.max.
  int error = pthread_create(&own->thread_, &attributes, Run, own.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return Errno{-error};
  own->started_ = true;
  return own;
}

OwnThread::~OwnThread() {
  if (started_) pthread_join(thread_, nullptr);
}

bool OwnThread::Gone() {
  if (started_ && Ended() && pthread_tryjoin_np(thread_, nullptr) == 0) started_ = false;
  return !started_;
}

void* OwnThread::Run(void* self) {
  auto* own = static_cast<OwnThread*>(self);
  own->work_();
  own->ended_.store(true, std::memory_order_release);
  // Whoever saw `ended_` and joins waits for this call, too.
  own->on_ended_();
  return nullptr;
}

}  // namespace cofferdam
