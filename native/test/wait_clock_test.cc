// WaitClock: a call that sleeps or works has taken its time; one that merely lost the CPU has not.
#include "wait_clock.h"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"

using namespace cofferdam;

namespace {

constexpr int kSlow = 2000;

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

long Preemptions() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

void PinToOneCpu() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

void Sleeps() {
  WaitClock clock;
  clock.Settle();
  clock.Begin();
  usleep(kSlow);
  CHECK(clock.End() >= kSlow);
  // What came before counts no longer. A virtual machine may stand still between the two, but not each time.
  int32_t least = kSlow;
  for (int i = 0; i < 100 && least >= kSlow; ++i) {
    clock.Begin();
    least = clock.End();
  }
  CHECK(least < kSlow);
}

// Another thread wants the same CPU: sooner or later the work is interrupted.
void LosesTheCpu() {
  PinToOneCpu();
  std::atomic<bool> done = false;
  std::thread rival([&] {
    while (!done) continue;
  });
  WaitClock clock;
  int32_t took = -1;
  for (int64_t deadline = Now() + 20'000'000; took != 0 && Now() < deadline;) {
    clock.Settle();
    long before = Preemptions();
    clock.Begin();
    for (int64_t begun = Now(); Now() - begun < kSlow || Preemptions() == before;) continue;
    took = clock.End();
  }
  done = true;
  rival.join();
  CHECK_EQ(took, 0);
}

}  // namespace

int main() {
  Sleeps();
  LosesTheCpu();
}
