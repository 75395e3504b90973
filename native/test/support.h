#pragma once

#include <functional>
#include <string>

namespace cofferdam::test {

// Open fds of this process, by /proc/self/fd: a witness that knows nothing of OwnedFd.
int CountFds();
// Moves the process into a network namespace of its own. Exits with 77 (skipped) where the host does not
// allow it.
void EnterOwnNetns();
// The inode of the calling thread's network namespace.
unsigned long long ThreadNetns();
// How many threads of this process are in another network namespace than the first one is. A thread that is
// on its way out still shows where it was: each gets its time.
int ThreadsAbroad(int milliseconds = 10'000);
// Where cgroup2 is mounted, if it is ours to write; empty otherwise.
std::string WritableCgroup2();
// Runs `body` with at most `more` further fds allowed (RLIMIT_NOFILE).
void WithFdLimit(int more, const std::function<void()>& body);

struct Outcome {
  int signal;
  int exit_code;
  std::string errors;
};
// Runs `body` in a forked child and reports how it ended and what it wrote to stderr.
Outcome RunInChild(const std::function<void()>& body);

}  // namespace cofferdam::test
