// No thread to be had (RLIMIT_NPROC, pids.max): an errno, not an exception, and nothing left open.
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>

#include <cerrno>

#include "check.h"
#include "netns_entry.h"
#include "support.h"
#include "window_exchange.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {
// What the next calls of pthread_create say instead, and how many of them.
int refusal = 0;
int refusals = 0;

bool Refuses() {
  return refusals > 0 && refusals-- > 0;
}
}  // namespace

extern "C" {
int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                          void* argument) {
  return Refuses() ? refusal : __real_pthread_create(thread, attributes, start, argument);
}
}

int main() {
  EnterOwnNetns();
  int before = CountFds();
  {
    OwnedFd netns = CreateNetns().value();
    bool ran = false;
    refusal = EAGAIN;
    refusals = 3;
    CHECK_EQ(CreateNetns().error(), -EAGAIN);
    CHECK_EQ(RunInNetns(netns.get(),
                        [&] {
                          ran = true;
                          return 0;
                        }),
             -EAGAIN);
    CHECK(!ran);
    CHECK_EQ(WindowExchange::Start(NetlinkIo::Open({NETLINK_ROUTE, 0}).value(), [] {}).error(), -EAGAIN);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    CHECK_EQ(sigismember(&mask, SIGTERM), 0);
    CHECK_EQ(refusals, 0);
    CHECK_EQ(RunInNetns(netns.get(), [] { return 5; }), 5);
    // A CPU that is not ours any more is no reason to fail; what is refused twice is.
    refusal = EINVAL;
    refusals = 1;
    CHECK_EQ(RunInNetns(netns.get(), [] { return 6; }), 6);
    refusals = 2;
    CHECK_EQ(RunInNetns(netns.get(), [] { return 7; }), -EINVAL);
  }
  CHECK_EQ(CountFds(), before);
  return 0;
}
