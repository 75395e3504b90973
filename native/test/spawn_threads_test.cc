// Programs that are started while threads allocate and signals come.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "spawn.h"
#include "spawn_support.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// Threads that allocate, and signals, while processes are made: the child must not be in anybody's way.
void LivesWithThreads() {
  std::atomic<bool> stop = false;
  std::atomic<int> signals = 0;
  static std::atomic<int>* counter = &signals;
  struct sigaction action = {}, before;
  action.sa_handler = [](int) { ++*counter; };
  action.sa_flags = SA_RESTART;
  CHECK_EQ(sigaction(SIGUSR2, &action, &before), 0);
  auto work = [](void* flag) -> void* {
    while (!*static_cast<std::atomic<bool>*>(flag)) {
      std::vector<std::string> many(50, std::string(200, 'x'));
      if (many.back().size() != 200) abort();
      kill(getpid(), SIGUSR2);
    }
    return nullptr;
  };
  pthread_t threads[3];
  for (pthread_t& thread : threads) CHECK_EQ(pthread_create(&thread, nullptr, work, &stop), 0);
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) {
      CHECK_EQ(Run(Shell("exit 3")).exit.status, 3);
    } else {
      SpawnRequest request = Shell("");
      request.paths = {"/nonexistent"};
      Spawned spawned;
      CHECK_EQ(Spawn(request, &spawned).error, -ENOENT);
    }
  }
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  CHECK(signals > 0);
  CHECK_EQ(sigaction(SIGUSR2, &before, nullptr), 0);
}

// A signal for the whole process group meets the child, too, while it is in its parent's memory: no handler
// of the parent's may run in it.
void RunsNoHandlersInTheChild() {
  Outcome outcome = RunInChild([] {
    static std::atomic<int> strays = 0;
    static const pid_t parent = getpid();
    CHECK_EQ(setpgid(0, 0), 0);
    struct sigaction action = {};
    action.sa_handler = [](int) {
      if (syscall(SYS_getpid) != parent) ++strays;
    };
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGUSR2, &action, nullptr), 0);
    std::atomic<bool> stop = false;
    std::thread sender([&] {
      while (!stop) {
        kill(0, SIGUSR2);
        usleep(20);
      }
    });
    SpawnRequest request = Shell("");
    request.stdio = {SpawnRequest::kNull, SpawnRequest::kNull, SpawnRequest::kNull};
    for (int i = 0; i < 100; ++i) {
      Spawned spawned;
      CHECK_EQ(Spawn(request, &spawned).error, 0);
      Finish(&spawned);
    }
    stop = true;
    sender.join();
    CHECK_EQ(strays, 0);
  });
  if (outcome.exit_code != 0) std::fputs(outcome.errors.c_str(), stderr);
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
}

// The signal comes with the end of the thread.
void DiesWithItsThread() {
  Spawned spawned;
  auto body = [](void* result) -> void* {
    SpawnRequest request = Shell("exec sleep 60");
    request.stdio[1] = SpawnRequest::kNull;
    request.death_signal = SIGTERM;
    CHECK_EQ(Spawn(request, static_cast<Spawned*>(result)).error, 0);
    return nullptr;
  };
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, nullptr, body, &spawned), 0);
  pthread_join(thread, nullptr);
  Ended ended = Finish(&spawned);
  CHECK_EQ(ended.exit.reason, CLD_KILLED);
  CHECK_EQ(ended.exit.status, SIGTERM);
}

}  // namespace

int main() {
  int before = CountFds();
  LivesWithThreads();
  RunsNoHandlersInTheChild();
  DiesWithItsThread();
  CHECK_EQ(CountFds(), before);
  return 0;
}
