// NetlinkIo against the real kernel, in a network namespace of its own.
#include "netlink_io.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};

LinkRequest Request(uint16_t type, uint16_t flags, int index) {
  LinkRequest request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  request.header.nlmsg_seq = 7;
  request.link.ifi_index = index;
  return request;
}

int Send(NetlinkIo& io, const LinkRequest& request) {
  return io.Send(reinterpret_cast<const uint8_t*>(&request), sizeof request);
}

NetlinkIo OpenRoute(int receive_buffer = 0) {
  Result<NetlinkIo> io = NetlinkIo::Open({NETLINK_ROUTE, receive_buffer});
  CHECK_EQ(io.error(), 0);
  return std::move(io).value();
}

void OpensAsPromised() {
  NetlinkIo io = OpenRoute(200'000);
  CHECK_EQ(fcntl(io.fd(), F_GETFD), FD_CLOEXEC);
  CHECK((fcntl(io.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(io.port_id() != 0);
  CHECK_EQ(io.NetnsInode(), ThreadNetns());
  for (int name : {NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK}) {
    CHECK_EQ(io.GetOption(SOL_NETLINK, name), 1);
  }
  CHECK_EQ(io.GetOption(SOL_SOCKET, SO_RCVBUF), 400'000);  // the kernel doubles it, see socket(7)
  CHECK_EQ(io.Close(), 0);
  CHECK_EQ(io.fd(), -1);
  CHECK_EQ(io.Send(nullptr, 0), -EBADF);
  uint8_t byte;
  CHECK_EQ(io.Receive(&byte, 1), -EBADF);
  CHECK_EQ(io.SetMembership(1, true), -EBADF);
}

void AnswersAreWhole() {
  NetlinkIo io = OpenRoute();
  std::vector<uint8_t> buffer(32 * 1024);
  CHECK_EQ(io.Receive(buffer.data(), buffer.size()), -EAGAIN);
  CHECK_EQ(Send(io, Request(RTM_GETLINK, 0, 1)), sizeof(LinkRequest));
  int length = io.Receive(buffer.data(), buffer.size());
  CHECK(length > static_cast<int>(sizeof(LinkRequest)));
  nlmsghdr header;
  std::memcpy(&header, buffer.data(), sizeof header);
  CHECK_EQ(header.nlmsg_type, RTM_NEWLINK);
  CHECK_EQ(header.nlmsg_seq, 7);
  CHECK_EQ(header.nlmsg_pid, io.port_id());
  CHECK_EQ(header.nlmsg_len, length);
  // A datagram that does not fit is gone, and said to be.
  CHECK_EQ(Send(io, Request(RTM_GETLINK, 0, 1)), sizeof(LinkRequest));
  CHECK_EQ(io.Receive(buffer.data(), 64), -EMSGSIZE);
  CHECK_EQ(io.Receive(buffer.data(), buffer.size()), -EAGAIN);
}

void ErrorsOfTheKernel() {
  CHECK_EQ(NetlinkIo::Open({999, 0}).error(), -EPROTONOSUPPORT);
  NetlinkIo io = OpenRoute();
  CHECK_EQ(io.SetMembership(100'000, true), -EINVAL);
  CHECK_EQ(io.SetOption(SOL_NETLINK, 9999, 1), -ENOPROTOOPT);
  CHECK_EQ(io.GetOption(SOL_NETLINK, 9999), -ENOPROTOOPT);
  // Larger than the send buffer: refused whole.
  std::vector<uint8_t> huge(64 * 1024 * 1024);
  CHECK_EQ(io.Send(huge.data(), huge.size()), -EMSGSIZE);
}

void NamesLinks() {
  NetlinkIo io = OpenRoute();
  char name[IFNAMSIZ];
  CHECK_EQ(io.LinkName(1, name), 0);
  CHECK(strcmp(name, "lo") == 0);
  for (int index : {0, -1, 0x7fffffff}) CHECK_EQ(io.LinkName(index, name), -ENODEV);
  io.Close();
  CHECK_EQ(io.LinkName(1, name), -EBADF);
}

// NETLINK_USERSOCK lets any process write to any socket: the only sender that counts is the kernel.
void StrangersAreSkippedAndCounted() {
  NetlinkIo victim = std::move(NetlinkIo::Open({NETLINK_USERSOCK, 1 << 20}).value());
  OwnedFd stranger = OwnedFd::Socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK).value();
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_pid = victim.port_id();
  std::vector<uint8_t> bytes(4096, 0xff);
  auto shout = [&](size_t length) {
    ssize_t sent = sendto(stranger.get(), bytes.data(), length, 0, reinterpret_cast<sockaddr*>(&address),
                          sizeof address);
    CHECK_EQ(sent, length);
  };
  std::vector<uint8_t> buffer(64);
  for (size_t length : {1, 16, 64, 4096}) shout(length);
  CHECK_EQ(victim.Receive(buffer.data(), buffer.size()), -EAGAIN);
  CHECK_EQ(victim.foreign_datagrams(), 4);
  // A flood holds one call for 64 datagrams only, and the poll wakes again for the rest.
  for (int i = 0; i < 100; ++i) shout(16);
  CHECK_EQ(victim.Receive(buffer.data(), buffer.size()), -EAGAIN);
  CHECK_EQ(victim.foreign_datagrams(), 4 + 64);
  pollfd entry = {victim.fd(), POLLIN, 0};
  CHECK_EQ(poll(&entry, 1, 0), 1);
  CHECK_EQ(victim.Receive(buffer.data(), buffer.size()), -EAGAIN);
  CHECK_EQ(victim.foreign_datagrams(), 4 + 100);
}

void OverrunIsAnErrorOnceAndThenOver() {
  NetlinkIo listener = OpenRoute(1);  // the kernel rounds up to its least
  CHECK_EQ(listener.SetMembership(RTNLGRP_LINK, true), 0);
  NetlinkIo changer = OpenRoute();
  std::vector<uint8_t> buffer(32 * 1024);
  for (int i = 0; i < 50; ++i) {
    LinkRequest request = Request(RTM_NEWLINK, NLM_F_ACK, 1);
    request.link.ifi_change = IFF_UP;
    request.link.ifi_flags = i % 2 == 0 ? IFF_UP : 0;
    CHECK_EQ(Send(changer, request), sizeof request);
    CHECK(changer.Receive(buffer.data(), buffer.size()) > 0);
  }
  bool overrun = false;
  int received = 0;
  for (int result; (result = listener.Receive(buffer.data(), buffer.size())) != -EAGAIN;) {
    if (result == -ENOBUFS) overrun = true;
    if (result > 0) ++received;
    CHECK(result > 0 || result == -ENOBUFS);
  }
  CHECK(overrun);
  // And it hears again.
  LinkRequest request = Request(RTM_NEWLINK, NLM_F_ACK, 1);
  request.link.ifi_change = IFF_UP;
  request.link.ifi_flags = IFF_UP;
  Send(changer, request);
  CHECK(listener.Receive(buffer.data(), buffer.size()) > 0);
  CHECK_EQ(listener.SetMembership(RTNLGRP_LINK, false), 0);
}

// A notification of what this very socket asked for carries its port id and sequence number: only the group
// tells it from the answer.
void TellsNewsFromAnswers() {
  NetlinkIo io = OpenRoute();
  CHECK_EQ(io.SetMembership(RTNLGRP_LINK, true), 0);
  std::vector<uint8_t> buffer(32 * 1024);
  LinkRequest request = Request(RTM_NEWLINK, NLM_F_ACK, 1);
  request.link.ifi_change = IFF_UP;
  int news = 0, answers = 0;
  for (uint32_t flags : {0u, static_cast<uint32_t>(IFF_UP), 0u}) {
    request.link.ifi_flags = flags;
    CHECK_EQ(Send(io, request), sizeof request);
  }
  while (io.Receive(buffer.data(), buffer.size()) > 0) {
    nlmsghdr header;
    std::memcpy(&header, buffer.data(), sizeof header);
    CHECK_EQ(io.received_group(), header.nlmsg_type == RTM_NEWLINK ? RTNLGRP_LINK : 0);
    ++(io.received_group() != 0 ? news : answers);
  }
  CHECK_EQ(answers, 3);
  CHECK(news >= 2);
}

// Sets lo up and down in turns, `times` times.
void Toggle(NetlinkIo& changer, int times) {
  std::vector<uint8_t> buffer(32 * 1024);
  for (int i = 0; i < times; ++i) {
    LinkRequest request = Request(RTM_NEWLINK, NLM_F_ACK, 1);
    request.link.ifi_change = IFF_UP;
    request.link.ifi_flags = i % 2 == 0 ? IFF_UP : 0;
    CHECK_EQ(Send(changer, request), sizeof request);
    CHECK(changer.Receive(buffer.data(), buffer.size()) > 0);
  }
}

void ManyDatagramsAtOnce() {
  NetlinkIo listener = OpenRoute(1 << 20);
  std::vector<uint8_t> buffer(kLargestDatagram + 8 * 1024);
  Datagram rows[16];
  auto receive = [&](size_t capacity, int max) {
    return listener.ReceiveMany(buffer.data(), capacity, rows, max);
  };
  CHECK_EQ(receive(buffer.size(), 16), -EAGAIN);
  CHECK_EQ(listener.SetMembership(RTNLGRP_LINK, true), 0);
  NetlinkIo changer = OpenRoute();
  Toggle(changer, 12);
  CHECK_EQ(receive(buffer.size(), 2), 2);
  size_t at = 0;
  for (int i = 0; i < 2; ++i) {
    nlmsghdr header;
    std::memcpy(&header, buffer.data() + at, sizeof header);
    CHECK_EQ(header.nlmsg_type, RTM_NEWLINK);
    CHECK_EQ(header.nlmsg_len, rows[i].length);
    CHECK_EQ(rows[i].group, RTNLGRP_LINK);
    CHECK_EQ(rows[i].nsid, -1);
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  // Room for one, and for none: what does not fit waits.
  CHECK_EQ(receive(kLargestDatagram, 16), 1);
  CHECK_EQ(receive(kLargestDatagram - 1, 16), -EINVAL);
  CHECK_EQ(receive(buffer.size(), 0), -EINVAL);
  int left = 0;
  for (int result; (result = receive(buffer.size(), 16)) != -EAGAIN; left += result) CHECK(result > 0);
  CHECK_EQ(left, 12 - 3);
}

// An overrun is told before what arrived earlier, and what was dropped is known to the last datagram.
void OverrunAmongMany() {
  NetlinkIo listener = OpenRoute(1);
  CHECK_EQ(listener.SetMembership(RTNLGRP_LINK, true), 0);
  CHECK_EQ(listener.Drops(), 0);
  NetlinkIo changer = OpenRoute();
  Toggle(changer, 50);
  std::vector<uint8_t> buffer(1 << 20);
  Datagram rows[64];
  CHECK_EQ(listener.ReceiveMany(buffer.data(), buffer.size(), rows, 64), -ENOBUFS);
  int received = listener.ReceiveMany(buffer.data(), buffer.size(), rows, 64);
  CHECK(received > 0 && received < 50);
  CHECK_EQ(listener.Drops(), 50 - received);
  CHECK_EQ(listener.ReceiveMany(buffer.data(), buffer.size(), rows, 64), -EAGAIN);
  NetlinkIo closed = OpenRoute();
  CHECK_EQ(closed.Close(), 0);
  CHECK_EQ(closed.Drops(), -EBADF);
}

void FilteredNewsNeverArrive() {
  NetlinkIo listener = OpenRoute();
  CHECK_EQ(listener.SetMembership(RTNLGRP_LINK, true), 0);
  NetlinkIo changer = OpenRoute();
  std::vector<uint8_t> buffer(32 * 1024);
  // Accepts nothing, then everything.
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  CHECK_EQ(listener.AttachFilter(&nothing, 1), 0);
  Toggle(changer, 2);
  CHECK_EQ(listener.Receive(buffer.data(), buffer.size()), -EAGAIN);
  CHECK_EQ(listener.Drops(), 0);
  sock_filter everything = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
  CHECK_EQ(listener.AttachFilter(&everything, 1), 0);
  Toggle(changer, 1);
  CHECK(listener.Receive(buffer.data(), buffer.size()) > 0);
  CHECK_EQ(listener.AttachFilter(&nothing, 0), -EINVAL);
}

void NothingStaysOpenWhereFdsRunOut() {
  int before = CountFds();
  WithFdLimit(0, [] { CHECK_EQ(NetlinkIo::Open({NETLINK_ROUTE, 0}).error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
  // One for the socket, and none for the question which namespace it lives in.
  WithFdLimit(1, [] {
    Result<NetlinkIo> io = NetlinkIo::Open({NETLINK_ROUTE, 0});
    CHECK_EQ(io.error(), 0);
    CHECK_EQ(io.value().NetnsInode(), 0);
  });
  CHECK_EQ(CountFds(), before);
}

void TenThousandOpensAreFlat() {
  int before = CountFds();
  for (int i = 0; i < 10'000; ++i) CHECK(OpenRoute().port_id() != 0);
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  EnterOwnNetns();
  int before = CountFds();
  OpensAsPromised();
  AnswersAreWhole();
  ErrorsOfTheKernel();
  NamesLinks();
  StrangersAreSkippedAndCounted();
  OverrunIsAnErrorOnceAndThenOver();
  TellsNewsFromAnswers();
  ManyDatagramsAtOnce();
  OverrunAmongMany();
  FilteredNewsNeverArrive();
  NothingStaysOpenWhereFdsRunOut();
  TenThousandOpensAreFlat();
  CHECK_EQ(CountFds(), before);
  return 0;
}
