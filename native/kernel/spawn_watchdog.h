#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "own_thread.h"
#include "result.h"

namespace cofferdam {

// Bounds the time for which a child that shares our memory can hold its parent: in a cgroup that is being
// frozen, or throttled, it does not get to execute its program, and clone(2) would return who knows when.
//
// A thread that sleeps until then, and kills the child.
class SpawnWatchdog {
 public:
  static constexpr int kSeconds = 2;

  // -EAGAIN where no thread can be had.
  static Result<std::unique_ptr<SpawnWatchdog>> Start();
  // Calls it off.
  ~SpawnWatchdog();
  SpawnWatchdog(const SpawnWatchdog&) = delete;
  SpawnWatchdog& operator=(const SpawnWatchdog&) = delete;

  // Where clone(2) puts the pidfd, which it does before the child runs. -1 until then.
  int* pidfd() { return &pidfd_; }
  // The child has gone on, one way or the other. Whether it was killed for being late.
  bool CallOff();

 private:
  SpawnWatchdog() = default;
  void Watch();

  std::mutex mutex_;
  std::condition_variable called_off_;
  bool off_ = false;
  bool killed_ = false;
  int pidfd_ = -1;
  std::unique_ptr<OwnThread> thread_;
};

}  // namespace cofferdam
