// The threads of a socket, ReadAhead and SendAside, against the real kernel; sendmsg fails where a test wants
// it to.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "read_ahead.h"
#include "send_aside.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// More than the ring holds.
constexpr int kAddresses = 30'000;

std::atomic<int> fail_send_at = -1;
std::atomic<int> sends = 0;

struct Request {
  nlmsghdr header;
  ifaddrmsg address;
  rtattr attribute;
  uint32_t local;
};

Request AddressRequest(uint16_t type, uint16_t flags, uint32_t seq) {
  Request request = {};
  request.header.nlmsg_len = type == RTM_GETADDR ? NLMSG_LENGTH(sizeof(ifaddrmsg)) : sizeof request;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  request.header.nlmsg_seq = seq;
  request.address.ifa_family = AF_INET;
  if (type == RTM_GETADDR) return request;
  request.address.ifa_prefixlen = 32;
  request.address.ifa_index = 1;
  request.attribute = {RTA_LENGTH(4), IFA_LOCAL};
  request.local = __builtin_bswap32(0x0a000000u + seq);
  return request;
}

std::vector<uint8_t> Bytes(const Request& request) {
  auto* bytes = reinterpret_cast<const uint8_t*>(&request);
  return {bytes, bytes + request.header.nlmsg_len};
}

std::shared_ptr<NetlinkIo> OpenRoute() {
  return std::make_shared<NetlinkIo>(NetlinkIo::Open({NETLINK_ROUTE, 0}).value());
}

void StartDump(NetlinkIo& io) {
  std::vector<uint8_t> bytes = Bytes(AddressRequest(RTM_GETADDR, NLM_F_DUMP, 7));
  CHECK_EQ(io.Send(bytes.data(), bytes.size()), bytes.size());
}

std::shared_ptr<uint8_t> Ring() {
  return std::shared_ptr<uint8_t>(new uint8_t[ReadAhead::kRingBytes], std::default_delete<uint8_t[]>());
}

// Takes everything. Returns how many addresses came, each in order.
int TakeAll(ReadAhead& ahead, const uint8_t* ring, std::atomic<int>& wakes, int pause_every) {
  int count = 0;
  for (int taken = 0;; ++taken) {
    Datagram datagram;
    size_t offset;
    int seen = wakes.load();
    ReadAhead::Outcome outcome = ahead.Take(&datagram, &offset);
    if (outcome == ReadAhead::Outcome::kEnded) return count;
    if (outcome == ReadAhead::Outcome::kNothingYet) {
      // It will be woken: a test that hangs here has found that it is not.
      while (wakes.load() == seen) sched_yield();
      continue;
    }
    CHECK(datagram.length > 0);
    CHECK_EQ(offset % 4, 0);
    CHECK(offset + static_cast<size_t>(datagram.length) <= ReadAhead::kRingBytes);
    if (pause_every != 0 && taken % pause_every == 0) usleep(2000);
    size_t left = static_cast<size_t>(datagram.length);
    for (const uint8_t* at = ring + offset; left >= sizeof(nlmsghdr);) {
      nlmsghdr header;
      memcpy(&header, at, sizeof header);
      CHECK(header.nlmsg_len >= sizeof header && header.nlmsg_len <= left);
      CHECK_EQ(header.nlmsg_seq, 7);
      if (header.nlmsg_type == RTM_NEWADDR) ++count;
      size_t step = std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
      at += step;
      left -= step;
    }
  }
}

void ReadsAllInOrder() {
  for (int pause_every : {0, 5}) {
    std::shared_ptr<NetlinkIo> io = OpenRoute();
    std::shared_ptr<uint8_t> ring = Ring();
    std::atomic<int> wakes = 0;
    StartDump(*io);
    auto ahead = ReadAhead::Start(io, ring, [&] { ++wakes; }).value();
    CHECK_EQ(TakeAll(*ahead, ring.get(), wakes, pause_every), kAddresses);
    // Nothing is left, and the socket is the caller's again.
    CHECK_EQ(io->Receive(ring.get(), kLargestDatagram), -EAGAIN);
  }
}

void StopsWithoutItsReader() {
  for (int taken = 0; taken < 4; ++taken) {
    std::shared_ptr<NetlinkIo> io = OpenRoute();
    std::shared_ptr<uint8_t> ring = Ring();
    std::atomic<int> wakes = 0;
    StartDump(*io);
    auto ahead = ReadAhead::Start(io, ring, [&] { ++wakes; }).value();
    for (int i = 0; i < taken; ++i) {
      Datagram datagram;
      size_t offset;
      ahead->Take(&datagram, &offset);
    }
    // With a full ring, or on its way there.
    if (taken % 2 == 0) usleep(20'000);
    ahead->Stop();
    ahead.reset();
    CHECK_EQ(io.use_count(), 1);
  }
}

void TellsOverrunsInTheirPlace() {
  std::shared_ptr<NetlinkIo> io = std::make_shared<NetlinkIo>(NetlinkIo::Open({NETLINK_ROUTE, 4096}).value());
  CHECK_EQ(io->SetMembership(RTNLGRP_IPV4_IFADDR, true), 0);
  std::shared_ptr<NetlinkIo> other = OpenRoute();
  for (uint32_t i = 1; i <= 300; ++i) {
    std::vector<uint8_t> bytes = Bytes(AddressRequest(RTM_NEWADDR, NLM_F_CREATE, kAddresses + i));
    CHECK(other->Send(bytes.data(), bytes.size()) > 0);
  }
  std::shared_ptr<uint8_t> ring = Ring();
  std::atomic<int> wakes = 0;
  auto ahead = ReadAhead::Start(io, ring, [&] { ++wakes; }).value();
  int news = 0;
  int overruns = 0;
  for (;;) {
    Datagram datagram;
    size_t offset;
    int seen = wakes.load();
    ReadAhead::Outcome outcome = ahead->Take(&datagram, &offset);
    if (outcome == ReadAhead::Outcome::kEnded) break;
    if (outcome == ReadAhead::Outcome::kNothingYet) {
      while (wakes.load() == seen) sched_yield();
    } else if (datagram.length == -ENOBUFS) {
      ++overruns;
    } else {
      CHECK(datagram.length > 0);
      CHECK_EQ(datagram.group, RTNLGRP_IPV4_IFADDR);
      ++news;
    }
  }
  CHECK_EQ(overruns, 1);
  CHECK(news > 0 && news < 300);
}

// Waits for `count` results.
std::vector<int> Results(SendAside& aside, size_t count) {
  std::vector<int> results;
  while (results.size() < count) {
    if (std::optional<SendAside::Sent> sent = aside.Collect()) {
      CHECK(sent->microseconds >= 0);
      results.push_back(sent->result);
    } else {
      sched_yield();
    }
  }
  return results;
}

void SendsInOrder() {
  std::shared_ptr<NetlinkIo> io = OpenRoute();
  std::atomic<int> wakes = 0;
  auto aside = SendAside::Start(io, [&] { ++wakes; }).value();
  CHECK(!aside->Busy());
  for (uint32_t seq = 1; seq <= 20; ++seq) aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, NLM_F_ACK, seq)));
  CHECK(aside->Busy());
  for (int result : Results(*aside, 20)) CHECK_EQ(result, sizeof(Request));
  CHECK(!aside->Busy());
  CHECK(wakes.load() > 0);
  alignas(nlmsghdr) uint8_t buffer[4096];
  for (uint32_t seq = 1; seq <= 20; ++seq) {
    CHECK(io->Receive(buffer, sizeof buffer) > 0);
    CHECK_EQ(reinterpret_cast<nlmsghdr*>(buffer)->nlmsg_seq, seq);
  }
}

void NothingOvertakesWhatFoundNoRoom() {
  std::shared_ptr<NetlinkIo> io = OpenRoute();
  auto aside = SendAside::Start(io, [] {}).value();
  fail_send_at = sends + 2;
  for (uint32_t seq = 1; seq <= 5; ++seq) aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, 0, seq)));
  std::vector<int> results = Results(*aside, 5);
  int ok = sizeof(Request);
  CHECK(results == std::vector<int>({ok, -EAGAIN, -ECANCELED, -ECANCELED, -ECANCELED}));
  // Once all has been heard it goes on; before, it does not.
  fail_send_at = sends + 1;
  aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, 0, 2)));
  while (sends < fail_send_at) sched_yield();
  usleep(1000);
  aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, 0, 3)));
  CHECK(Results(*aside, 2) == std::vector<int>({-EAGAIN, -ECANCELED}));
  aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, 0, 2)));
  CHECK(Results(*aside, 1) == std::vector<int>({ok}));
  fail_send_at = -1;
}

void StopsWithItsWorkUndone() {
  for (int i = 0; i < 50; ++i) {
    std::shared_ptr<NetlinkIo> io = OpenRoute();
    auto aside = SendAside::Start(io, [] {}).value();
    for (uint32_t seq = 1; seq <= 20; ++seq) aside->Submit(Bytes(AddressRequest(RTM_NEWADDR, 0, seq)));
    aside->Stop();
    while (i % 2 == 0 && !aside->Ended()) sched_yield();
    aside.reset();
    CHECK_EQ(io.use_count(), 1);
  }
}

}  // namespace

extern "C" {
ssize_t __real_sendmsg(int, const msghdr*, int);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  if (++sends == fail_send_at) {
    errno = EAGAIN;
    return -1;
  }
  return __real_sendmsg(fd, message, flags);
}
}

int main() {
  EnterOwnNetns();
  int before = CountFds();
  {
    std::shared_ptr<NetlinkIo> io = OpenRoute();
    for (uint32_t seq = 1; seq <= kAddresses; ++seq) {
      std::vector<uint8_t> bytes = Bytes(AddressRequest(RTM_NEWADDR, NLM_F_CREATE, seq));
      CHECK(io->Send(bytes.data(), bytes.size()) > 0);
    }
  }
  ReadsAllInOrder();
  StopsWithoutItsReader();
  TellsOverrunsInTheirPlace();
  SendsInOrder();
  NothingOvertakesWhatFoundNoRoom();
  StopsWithItsWorkUndone();
  CHECK_EQ(CountFds(), before);
  return 0;
}
