#pragma once

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

namespace cofferdam {

// How long calls into the kernel wait: the time they take, but none where another process merely had the CPU
// for a while. On a busy machine that is most slow calls, and no sign of a lock that somebody holds. For one
// thread.
class WaitClock {
 public:
  // What the thread waited for before this does not count. Costs a system call.
  void Settle() { before_ = OfThread(); }
  void Begin() { begun_ = Microseconds(); }
  // Microseconds that the call waited, or worked.
  int32_t End() {
    ended_ = Microseconds();
    int64_t took = ended_ - begun_;
    if (took >= kSlow) {
      Switches after = OfThread();
      bool preempted = after.voluntary == before_.voluntary && after.involuntary > before_.involuntary;
      before_ = after;
      if (preempted) return 0;
    }
    return static_cast<int32_t>(std::min<int64_t>(took, INT32_MAX));
  }
  // The moment of the last End, of a clock that never goes back.
  int64_t ended() const { return ended_; }

 private:
  static int64_t Microseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  }

  // Microseconds. Quicker calls are nobody's concern, and not worth looking into.
  static constexpr int64_t kSlow = 500;

  struct Switches {
    long voluntary;
    long involuntary;
  };
  static Switches OfThread() {
    rusage usage = {};
    getrusage(RUSAGE_THREAD, &usage);
    return {usage.ru_nvcsw, usage.ru_nivcsw};
  }

  int64_t begun_ = 0;
  int64_t ended_ = 0;
  Switches before_ = {};
};

}  // namespace cofferdam
