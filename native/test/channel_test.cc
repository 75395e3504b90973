// What a channel could not send is not lost: it waits while the kernel is short of memory, and follows in
// order. One that no event loop has room for is closed, which who is at the other end sees.
#include "channel.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include "check.h"
#include "control_socket.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// The next calls that fail, and with what.
int refuse_sends = 0, refuse_watches = 0;
int injected = 0;

bool Fails(int* left) {
  if (*left == 0) return false;
  --*left;
  errno = injected;
  return true;
}

std::string Next(const OwnedFd& socket) {
  Result<ControlMessage> message = ReceiveControl(socket.get());
  return message.ok() ? message.value().bytes : std::string();
}

void WaitsWhere(int error) {
  EventLoop loop;
  OwnedFd ours, theirs;
  CHECK_EQ(ControlPair(&ours, &theirs), 0);
  bool ended = false;
  Channel channel(
      &loop, std::move(ours), [](ControlMessage*) {}, [&] { ended = true; });
  injected = error;
  refuse_sends = 3;
  CHECK_EQ(channel.Send("one"), 0);
  CHECK_EQ(channel.Send("two"), 0);
  CHECK(Next(theirs) == "");
  // Still short of it, twice.
  for (int turn = 0; turn < 3; ++turn) loop.Turn(EventLoop::Now() + 1000);
  CHECK_EQ(refuse_sends, 0);
  CHECK(Next(theirs) == "one");
  CHECK(Next(theirs) == "two");
  CHECK_EQ(channel.Send("three"), 0);
  CHECK(Next(theirs) == "three");
  CHECK(!ended);
}

}  // namespace

extern "C" {
ssize_t __real_sendmsg(int, const msghdr*, int);
int __real_epoll_ctl(int, int, int, epoll_event*);

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  return Fails(&refuse_sends) ? -1 : __real_sendmsg(fd, message, flags);
}
int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return operation == EPOLL_CTL_ADD && Fails(&refuse_watches) ? -1
                                                              : __real_epoll_ctl(epoll, operation, fd, event);
}
}

int main() {
  const int before = CountFds();
  for (int error : {EAGAIN, ENOBUFS, ENOMEM}) WaitsWhere(error);
  {
    EventLoop loop;
    OwnedFd ours, theirs;
    CHECK_EQ(ControlPair(&ours, &theirs), 0);
    injected = ENOMEM;
    refuse_watches = 1;
    Channel channel(
        &loop, std::move(ours), [](ControlMessage*) {}, [] {});
    CHECK(channel.closed());
    CHECK_EQ(channel.Send("lost"), -EPIPE);
    char byte;
    CHECK_EQ(recv(theirs.get(), &byte, 1, 0), 0);
    // Of other errors it is told.
    refuse_watches = 1;
    CHECK(loop.Add(theirs.get(), [] {}) == nullptr);
    CHECK_EQ(errno, ENOMEM);
  }
  CHECK_EQ(CountFds(), before);
  return 0;
}
