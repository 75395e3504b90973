// Sockets of every kind opened in another network namespace, and where somebody's socket lives.
#include "netns_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "check.h"
#include "netns_entry.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

unsigned long long Inode(int fd) {
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  return status.st_ino;
}

int Option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  CHECK_EQ(getsockopt(fd, SOL_SOCKET, name, &value, &length), 0);
  return value;
}

void OpensEveryKind(const OwnedFd& netns) {
  struct {
    int family, type, protocol;
  } kinds[] = {
      {AF_INET, SOCK_STREAM, 0},
      {AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
      {AF_INET, SOCK_RAW, IPPROTO_ICMP},
      {AF_UNIX, SOCK_SEQPACKET, 0},
      {AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)},
      {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
  };
  unsigned long long home = ThreadNetns();
  for (auto [family, type, protocol] : kinds) {
    Result<OwnedFd> socket = OpenSocketIn(netns.get(), family, type, protocol);
    CHECK_EQ(socket.error(), 0);
    int fd = socket.value().get();
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(Option(fd, SO_DOMAIN), family);
    CHECK_EQ(Option(fd, SO_TYPE), type);
    Result<SocketPlace> place = FindSocket(getpid(), fd);
    CHECK_EQ(place.error(), 0);
    CHECK_EQ(place.value().netns, Inode(netns.get()));
    CHECK_EQ(place.value().socket, Inode(fd));
    CHECK_EQ(ThreadNetns(), home);
  }
  CHECK_EQ(OpenSocketIn(netns.get(), 9999, SOCK_STREAM, 0).error(), -EAFNOSUPPORT);
  CHECK_EQ(OpenSocketIn(netns.get(), AF_INET, 15, 0).error(), -EINVAL);
  CHECK_EQ(OpenSocketIn(netns.get(), AF_INET, SOCK_STREAM, IPPROTO_UDP).error(), -EPROTONOSUPPORT);
  CHECK_EQ(OpenSocketIn(-1, AF_INET, SOCK_STREAM, 0).error(), -EBADF);
  CHECK_EQ(OpenSocketIn(STDERR_FILENO, AF_INET, SOCK_STREAM, 0).error(), -EINVAL);
}

void Binds(const OwnedFd& netns) {
  OwnedFd v4 = OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).value();
  CHECK_EQ(BindSocket(v4.get(), "127.0.0.1", 4001, "", false), 0);
  sockaddr_in in = {};
  socklen_t size = sizeof in;
  CHECK_EQ(getsockname(v4.get(), reinterpret_cast<sockaddr*>(&in), &size), 0);
  CHECK_EQ(ntohs(in.sin_port), 4001);
  CHECK_EQ(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK);
  CHECK_EQ(BindSocket(v4.get(), "127.0.0.1", 4002, "", false), -EINVAL);

  OwnedFd v6 = OpenSocketIn(netns.get(), AF_INET6, SOCK_STREAM, 0).value();
  CHECK_EQ(BindSocket(v6.get(), "::1", 4001, "nolink", true), -ENODEV);
  CHECK_EQ(BindSocket(v6.get(), "::1", 4001, "a-name-of-sixteen", true), -ENODEV);
  CHECK_EQ(BindSocket(v6.get(), "localhost", 4001, "", true), -EINVAL);
  CHECK_EQ(BindSocket(v6.get(), "127.0.0.1", 4001, "", true), -EINVAL);
  // Nothing is up there.
  CHECK_EQ(BindSocket(v6.get(), "::1", 4001, "lo", true), -EADDRNOTAVAIL);
  CHECK_EQ(BindSocket(v6.get(), "::", 4001, "lo", true), 0);
  CHECK_EQ(Option(v6.get(), SO_REUSEADDR), 1);
  CHECK_EQ(Option(v4.get(), SO_REUSEADDR), 0);

  OwnedFd other = OpenSocketIn(netns.get(), AF_UNIX, SOCK_STREAM, 0).value();
  CHECK_EQ(BindSocket(other.get(), "::1", 4001, "", true), -EAFNOSUPPORT);
  CHECK_EQ(BindSocket(-1, "::1", 4001, "", true), -EBADF);
}

void GivesTheFdUp(const OwnedFd& netns) {
  int before = CountFds();
  OwnedFd socket = OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).value();
  int fd = socket.Release();
  CHECK(fd >= 0);
  CHECK(!socket.ok());
  CHECK_EQ(socket.Release(), -1);
  CHECK_EQ(socket.Close(), 0);
  CHECK_EQ(CountFds(), before + 1);
  CHECK_EQ(close(fd), 0);
}

// A child at home that holds a socket abroad: its namespace is found through the child's fd.
void FindsTheSocketOfAnother(const OwnedFd& netns) {
  OwnedFd socket = OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).value();
  int fd = socket.get();
  unsigned long long inode = Inode(fd);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    pause();
    _exit(0);
  }
  socket.Close();
  int before = CountFds();
  Result<SocketPlace> place = FindSocket(child, fd);
  CHECK_EQ(place.error(), 0);
  CHECK_EQ(place.value().socket, inode);
  CHECK_EQ(place.value().netns, Inode(netns.get()));
  CHECK_EQ(FindSocket(child, STDERR_FILENO).error(), -ENOTTY);
  CHECK_EQ(FindSocket(child, 99'999).error(), -EBADF);
  CHECK_EQ(kill(child, SIGKILL), 0);
  CHECK_EQ(waitpid(child, nullptr, 0), child);
  CHECK_EQ(FindSocket(child, fd).error(), -ESRCH);
  CHECK_EQ(CountFds(), before);
}

void NothingStaysOpenWhereFdsRunOut(const OwnedFd& netns) {
  OwnedFd socket = OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).value();
  int before = CountFds();
  // The pidfd, the duplicate and the namespace: each is one too many in turn.
  for (int room = 0; room < 3; ++room) {
    WithFdLimit(room, [&] { CHECK_EQ(FindSocket(getpid(), socket.get()).error(), -EMFILE); });
  }
  WithFdLimit(0, [&] { CHECK_EQ(OpenSocketIn(netns.get(), AF_INET, SOCK_DGRAM, 0).error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  EnterOwnNetns();
  int before = CountFds();
  {
    OwnedFd netns = CreateNetns().value();
    OpensEveryKind(netns);
    Binds(netns);
    GivesTheFdUp(netns);
    FindsTheSocketOfAnother(netns);
    NothingStaysOpenWhereFdsRunOut(netns);
  }
  CHECK_EQ(ThreadsAbroad(), 0);
  CHECK_EQ(CountFds(), before);
  return 0;
}
