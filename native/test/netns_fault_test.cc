// Every system call on the way into a namespace made to fail in turn (linker option --wrap): the error comes
// out as it went in, nothing stays open, and no thread of the process is left in another namespace.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "netlink_netns.h"
#include "netns_entry.h"
#include "netns_socket.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

std::string failing;
std::atomic<int> injected = 0;

bool Fails(const char* name) {
  if (injected == 0 || failing != name) return false;
  errno = injected;
  return true;
}

int WithFailure(const char* name, int error, const std::function<int()>& body) {
  failing = name;
  injected = error;
  int result = body();
  injected = 0;
  return result;
}

}  // namespace

extern "C" {
int __real_setns(int, int);
int __real_unshare(int);
int __real_socket(int, int, int);
int __real_open(const char*, int, ...);

int __wrap_setns(int fd, int type) {
  return Fails("setns") ? -1 : __real_setns(fd, type);
}
int __wrap_unshare(int flags) {
  return Fails("unshare") ? -1 : __real_unshare(flags);
}
int __wrap_socket(int domain, int type, int protocol) {
  return Fails("socket") ? -1 : __real_socket(domain, type, protocol);
}
int __wrap_open(const char* path, int flags, ...) {
  // Only our own: sanitizers read their files, too.
  return strncmp(path, "/proc/thread-self/", 18) == 0 && Fails("open") ? -1 : __real_open(path, flags);
}
}

namespace {

// The check itself must be able to fail: a thread that enters a namespace and stays there is found.
void FindsAThreadThatStays(const OwnedFd& netns) {
  std::atomic<bool> entered = false, leave = false;
  std::thread stray([&] {
    CHECK_EQ(__real_setns(netns.get(), CLONE_NEWNET), 0);
    entered = true;
    while (!leave) sched_yield();
  });
  while (!entered) sched_yield();
  CHECK_EQ(ThreadsAbroad(100), 1);
  leave = true;
  stray.join();
  CHECK_EQ(ThreadsAbroad(), 0);
}

void EveryCallFails(const OwnedFd& netns) {
  int before = CountFds();
  const NetlinkOptions options = {NETLINK_ROUTE, 0};
  for (int error : {EPERM, ENOMEM, EINTR, EMFILE, ENOSPC}) {
    for (const char* call : {"unshare", "open"}) {
      CHECK_EQ(WithFailure(call, error, [] { return CreateNetns().error(); }), -error);
    }
    for (const char* call : {"setns", "socket"}) {
      auto socket = [&] { return OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).error(); };
      CHECK_EQ(WithFailure(call, error, socket), -error);
      auto netlink = [&] { return OpenNetlinkIn(netns.get(), options).error(); };
      CHECK_EQ(WithFailure(call, error, netlink), -error);
    }
    CHECK_EQ(ThreadsAbroad(), 0);
    CHECK_EQ(CountFds(), before);
  }
}

// What succeeds leaves nobody behind either, however many are at it at once.
void ManyAtOnce(const OwnedFd& netns) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        CHECK_EQ(CreateNetns().error(), 0);
        CHECK_EQ(OpenSocketIn(netns.get(), AF_INET, SOCK_STREAM, 0).error(), 0);
        CHECK_EQ(OpenSocketIn(netns.get(), 9999, SOCK_STREAM, 0).error(), -EAFNOSUPPORT);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(ThreadsAbroad(), 0);
}

}  // namespace

int main() {
  EnterOwnNetns();
  int before = CountFds();
  {
    OwnedFd netns = CreateNetns().value();
    FindsAThreadThatStays(netns);
    EveryCallFails(netns);
    ManyAtOnce(netns);
  }
  CHECK_EQ(ThreadsAbroad(), 0);
  CHECK_EQ(CountFds(), before);
  return 0;
}
