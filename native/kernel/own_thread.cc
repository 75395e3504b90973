#include "own_thread.h"

#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <utility>

namespace cofferdam {

namespace {

// Sanitizers need more than the work itself.
constexpr size_t kStackBytes = 256 * 1024;

// In SCHED_FIFO nobody shares a CPU with his like: V8, which posts itself a task for as long as its own
// threads have yet to sweep, would keep the loop's CPU from our thread for ever. One priority higher it gets
// it, and it takes little: it waits for the kernel, or for its owner.
bool SetPriority(pthread_attr_t* attributes) {
  sched_param param;
  int policy = sched_getscheduler(0);
  if ((policy != SCHED_FIFO && policy != SCHED_RR) || sched_getparam(0, &param) < 0) return false;
  if (++param.sched_priority > sched_get_priority_max(policy)) return false;
  return pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED) == 0 &&
         pthread_attr_setschedpolicy(attributes, policy) == 0 &&
         pthread_attr_setschedparam(attributes, &param) == 0;
}

}  // namespace

Result<std::unique_ptr<OwnThread>> OwnThread::Start(std::function<void()> work, std::function<void()> ended) {
  std::unique_ptr<OwnThread> own(new OwnThread(std::move(work), std::move(ended)));
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes); error != 0) return Errno{-error};
  pthread_attr_setstacksize(&attributes, kStackBytes);
  bool raised = SetPriority(&attributes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not std::thread, which throws where a thread cannot be had: an everyday EAGAIN under RLIMIT_NPROC or
  // pids.max.
  int error = pthread_create(&own->thread_, &attributes, Run, own.get());
  // The priority may be more than RLIMIT_RTPRIO allows.
  if (error == EPERM && raised) {
    pthread_attr_setinheritsched(&attributes, PTHREAD_INHERIT_SCHED);
    error = pthread_create(&own->thread_, &attributes, Run, own.get());
  }
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
