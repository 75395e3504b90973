// Every system call of NetlinkIo::Open made to fail in turn (linker option --wrap): the error comes out as it
// went in, and the socket is closed each time.
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string>

#include "check.h"
#include "netlink_io.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// The call that fails, once: its name, and how many calls of that name succeed before it.
std::string failing;
int countdown;
int injected;

bool Fails(const char* name) {
  if (failing != name || countdown-- != 0) return false;
  errno = injected;
  return true;
}

Result<NetlinkIo> OpenWithFailure(const std::string& name, int nth, int error) {
  failing = name;
  countdown = nth;
  injected = error;
  Result<NetlinkIo> io = NetlinkIo::Open({NETLINK_ROUTE, 65536});
  failing.clear();
  return io;
}

}  // namespace

extern "C" {
int __real_setsockopt(int, int, int, const void*, socklen_t);
int __real_bind(int, const sockaddr*, socklen_t);
int __real_getsockname(int, sockaddr*, socklen_t*);
int __real_fstat(int, struct stat*);

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
  return Fails("setsockopt") ? -1 : __real_setsockopt(fd, level, name, value, length);
}
int __wrap_bind(int fd, const sockaddr* address, socklen_t length) {
  return Fails("bind") ? -1 : __real_bind(fd, address, length);
}
int __wrap_getsockname(int fd, sockaddr* address, socklen_t* length) {
  return Fails("getsockname") ? -1 : __real_getsockname(fd, address, length);
}
int __wrap_fstat(int fd, struct stat* status) {
  return Fails("fstat") ? -1 : __real_fstat(fd, status);
}
}

int main() {
  EnterOwnNetns();
  int before = CountFds();
  // Strict checking, extended ACK, capped ACK; the fourth option is the receive buffer, see below.
  const std::map<std::string, int> calls = {{"setsockopt", 3}, {"bind", 1}, {"getsockname", 1}};
  int tried = 0;
  for (const auto& [name, count] : calls) {
    for (int nth = 0; nth < count; ++nth) {
      for (int error : {EPERM, ENOMEM, EINTR}) {
        CHECK_EQ(OpenWithFailure(name, nth, error).error(), -error);
        CHECK_EQ(CountFds(), before);
        ++tried;
      }
    }
  }
  // Without CAP_NET_ADMIN the forced receive buffer is refused, and the plain one takes its place.
  {
    Result<NetlinkIo> io = OpenWithFailure("setsockopt", 3, EPERM);
    CHECK_EQ(io.error(), 0);
    CHECK_EQ(io.value().GetOption(SOL_SOCKET, SO_RCVBUF), 2 * 65536);
  }
  // Which namespace it is in is asked for later, again and again until it is known.
  {
    Result<NetlinkIo> io = NetlinkIo::Open({NETLINK_ROUTE, 0});
    CHECK_EQ(io.error(), 0);
    failing = "fstat";
    countdown = 0;
    injected = ENOMEM;
    CHECK_EQ(io.value().NetnsInode(), 0);
    CHECK_EQ(CountFds(), before + 1);
    CHECK(io.value().NetnsInode() != 0);
    failing.clear();
  }
  CHECK_EQ(CountFds(), before);
  std::printf("%d failures injected\n", tried + 2);
  return 0;
}
