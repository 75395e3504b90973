#include "support.h"

#include <dirent.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "check.h"

namespace cofferdam::test {

int CountFds() {
  DIR* directory = opendir("/proc/self/fd");
  CHECK(directory != nullptr);
  int count = -3;  // ".", ".." and the directory's own fd
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

void EnterOwnNetns() {
  if (unshare(CLONE_NEWNET) == 0) return;
  if (errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) return;
  std::perror("unshare");
  std::exit(77);
}

unsigned long long ThreadNetns() {
  struct stat status;
  CHECK(stat("/proc/thread-self/ns/net", &status) == 0);
  return status.st_ino;
}

namespace {

int CountThreadsAbroad() {
  struct stat home;
  CHECK(stat("/proc/self/ns/net", &home) == 0);
  DIR* directory = opendir("/proc/self/task");
  CHECK(directory != nullptr);
  int count = 0;
  while (dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/ns/net", atoi(entry->d_name));
    struct stat status;
    if (stat(path, &status) == 0 && status.st_ino != home.st_ino) ++count;
  }
  closedir(directory);
  return count;
}

}  // namespace

int ThreadsAbroad(int milliseconds) {
  int count = CountThreadsAbroad();
  for (int wait = 0; count > 0 && wait < milliseconds; ++wait) {
    usleep(1000);
    count = CountThreadsAbroad();
  }
  return count;
}

std::string WritableCgroup2() {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    if (access(point.c_str(), W_OK) == 0) return point;
  }
  return {};
}

void WithFdLimit(int more, const std::function<void()>& body) {
  // The limit bounds fd numbers, not their count: fill the gaps below the highest number first by duplicates.
  rlimit before;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  int lowest = dup(STDERR_FILENO);
  CHECK(lowest >= 0);
  close(lowest);
  rlimit lowered = {static_cast<rlim_t>(lowest + more), before.rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  body();
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

Outcome RunInChild(const std::function<void()>& body) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    // No core files from deaths that are wanted.
    rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    _exit(0);
  }
  close(ends[1]);
  Outcome outcome = {};
  char buffer[4096];
  for (ssize_t length; (length = read(ends[0], buffer, sizeof buffer)) > 0;) {
    outcome.errors.append(buffer, static_cast<size_t>(length));
  }
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

}  // namespace cofferdam::test
