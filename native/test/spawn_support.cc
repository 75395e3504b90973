#include "spawn_support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "check.h"
#include "support.h"

namespace cofferdam::test {

SpawnRequest Shell(const char* script) {
  SpawnRequest request;
  request.argv = {"sh", "-c", script};
  request.env = {"PATH=/bin:/usr/bin"};
  request.paths = {"/nonexistent/sh", "/bin/sh"};
  request.stdio = {SpawnRequest::kNull, SpawnRequest::kPipe, STDERR_FILENO};
  return request;
}

Ended Finish(Spawned* spawned) {
  Ended ended = {};
  for (Spawned::Pipe& pipe : spawned->pipes) {
    char buffer[4096];
    for (ssize_t length; (length = read(pipe.end.get(), buffer, sizeof buffer)) > 0;)
      ended.output.append(buffer, static_cast<size_t>(length));
  }
  pollfd entry = {spawned->pidfd.get(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&entry, 1, 60'000);
  } while (ready < 0 && errno == EINTR);
  CHECK_EQ(ready, 1);
  Result<ProcessExit> exit = ChildExit(spawned->pidfd.get(), true);
  CHECK_EQ(exit.error(), 0);
  ended.exit = exit.value();
  return ended;
}

Ended Run(const SpawnRequest& request) {
  Spawned spawned;
  SpawnFailure failure = Spawn(request, &spawned);
  if (failure.error != 0) std::fprintf(stderr, "%s %s\n", failure.call, failure.path.c_str());
  CHECK_EQ(failure.error, 0);
  CHECK(spawned.pid > 0);
  CHECK_EQ(fcntl(spawned.pidfd.get(), F_GETFD), FD_CLOEXEC);
  return Finish(&spawned);
}

void CheckText(const std::string& actual, const std::string& expected) {
  if (actual == expected) return;
  std::fprintf(stderr, "'%s' is not '%s'\n", actual.c_str(), expected.c_str());
  std::exit(1);
}

void CheckChildless() {
  CHECK_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  CHECK_EQ(errno, ECHILD);
}

void CheckFailure(const SpawnRequest& request, int error, const char* call, const char* path) {
  int before = CountFds();
  Spawned spawned;
  SpawnFailure failure = Spawn(request, &spawned);
  CHECK_EQ(failure.error, error);
  CheckText(failure.call, call);
  CheckText(failure.path, path);
  CHECK_EQ(spawned.pid, -1);
  CHECK(!spawned.pidfd.ok());
  CHECK_EQ(CountFds(), before);
  CheckChildless();
}

}  // namespace cofferdam::test
