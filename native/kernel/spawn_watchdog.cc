#include "spawn_watchdog.h"

#include <signal.h>

#include <chrono>
#include <utility>

#include "pidfd.h"

namespace cofferdam {

Result<std::unique_ptr<SpawnWatchdog>> SpawnWatchdog::Start() {
  std::unique_ptr<SpawnWatchdog> watchdog(new SpawnWatchdog());
  Result<std::unique_ptr<OwnThread>> thread =
      OwnThread::Start([self = watchdog.get()] { self->Watch(); }, [] {});
  if (!thread.ok()) return thread.failure();
  watchdog->thread_ = std::move(thread).value();
  return watchdog;
}

SpawnWatchdog::~SpawnWatchdog() {
  CallOff();
}

bool SpawnWatchdog::CallOff() {
  {
    std::lock_guard lock(mutex_);
    off_ = true;
  }
  called_off_.notify_one();
  thread_.reset();
  return killed_;
}

void SpawnWatchdog::Watch() {
  std::unique_lock lock(mutex_);
  if (called_off_.wait_for(lock, std::chrono::seconds(kSeconds), [this] { return off_; })) return;
  // The kernel wrote it before the child first ran.
  int pidfd = std::atomic_ref(pidfd_).load();
  killed_ = pidfd >= 0 && SendSignal(pidfd, SIGKILL) == 0;
}

}  // namespace cofferdam
