// Windows of requests through the real kernel, in a network namespace of the test's own.
#include "window_exchange.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

constexpr int kRouteBytes = sizeof(nlmsghdr) + sizeof(rtmsg) + 2 * (sizeof(rtattr) + 4);

// 10.0.x.y/32 over lo, table 100.
void AppendRoute(std::vector<uint8_t>* bytes, int type, uint32_t seq, uint32_t host, bool ack) {
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr dst;
    uint8_t address[4];
    rtattr oif;
    int link;
  } message = {};
  static_assert(sizeof message == kRouteBytes);
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = static_cast<uint16_t>(type);
  message.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  if (type == RTM_DELROUTE) message.header.nlmsg_flags = NLM_F_REQUEST;
  if (ack) message.header.nlmsg_flags |= NLM_F_ACK;
  message.header.nlmsg_seq = seq;
  message.route.rtm_family = AF_INET;
  message.route.rtm_dst_len = 32;
  message.route.rtm_table = 100;
  message.route.rtm_protocol = RTPROT_BOOT;
  message.route.rtm_scope = RT_SCOPE_LINK;
  message.route.rtm_type = RTN_UNICAST;
  if (type == RTM_DELROUTE) message.route.rtm_scope = RT_SCOPE_NOWHERE;
  message.dst = {8, RTA_DST};
  uint8_t address[4] = {10, 0, static_cast<uint8_t>(host >> 8), static_cast<uint8_t>(host)};
  memcpy(message.address, address, sizeof address);
  message.oif = {8, RTA_OIF};
  message.link = 1;
  const uint8_t* start = reinterpret_cast<const uint8_t*>(&message);
  bytes->insert(bytes->end(), start, start + sizeof message);
}

// Rung by the thread.
std::mutex bell_lock;
std::condition_variable bell;
int rings = 0;

void Ring() {
  std::lock_guard<std::mutex> guard(bell_lock);
  ++rings;
  bell.notify_all();
}

// Waits until `done`, which is asked whenever the bell rings.
void WaitFor(const std::function<bool()>& done) {
  std::unique_lock<std::mutex> guard(bell_lock);
  CHECK(bell.wait_for(guard, std::chrono::seconds(60), done));
}

std::unique_ptr<WindowExchange> Start(int receive_buffer = 1 << 20) {
  Result<NetlinkIo> io = NetlinkIo::Open({NETLINK_ROUTE, receive_buffer});
  CHECK(io.ok());
  Result<std::unique_ptr<WindowExchange>> exchange = WindowExchange::Start(std::move(io).value(), Ring);
  CHECK(exchange.ok());
  return std::move(exchange).value();
}

WindowExchange::Answer Await(WindowExchange* exchange) {
  std::optional<WindowExchange::Answer> answer;
  WaitFor([&] { return (answer = exchange->Collect()).has_value(); });
  return std::move(*answer);
}

// Errnos by sequence number; 0 is an acknowledgement.
std::map<uint32_t, int> Errnos(const WindowExchange::Answer& answer) {
  std::map<uint32_t, int> errnos;
  const uint8_t* at = answer.bytes.data();
  for (size_t left = answer.bytes.size(); left > 0;) {
    nlmsghdr header;
    CHECK(left >= sizeof header);
    memcpy(&header, at, sizeof header);
    CHECK(header.nlmsg_len <= left && header.nlmsg_type == NLMSG_ERROR);
    int error;
    memcpy(&error, at + sizeof header, sizeof error);
    errnos[header.nlmsg_seq] = error;
    at += NLMSG_ALIGN(header.nlmsg_len);
    left -= NLMSG_ALIGN(header.nlmsg_len);
  }
  return errnos;
}

WindowExchange::Window Routes(int type, uint32_t from, uint32_t count, bool stop = false) {
  WindowExchange::Window window = {{}, stop};
  for (uint32_t i = 0; i < count; ++i) {
    AppendRoute(&window.bytes, type, from + i + 1, from + i, stop || i + 1 == count);
  }
  return window;
}

void AnswersWindowByWindow() {
  auto exchange = Start();
  for (uint32_t i = 0; i < 20; ++i) CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, i * 100, 100)), 0);
  for (uint32_t i = 0; i < 20; ++i) {
    WindowExchange::Answer answer = Await(exchange.get());
    CHECK_EQ(answer.status, 0);
    CHECK_EQ(answer.sent, 100 * kRouteBytes);
    CHECK(Errnos(answer) == (std::map<uint32_t, int>{{(i + 1) * 100, 0}}));
  }
  CHECK(!exchange->Collect());
  // Errors come by themselves, and each of a window's own.
  CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, 1950, 100)), 0);
  std::map<uint32_t, int> errnos = Errnos(Await(exchange.get()));
  CHECK_EQ(errnos.size(), 51u);
  CHECK_EQ(errnos[1951], -EEXIST);
  CHECK_EQ(errnos[2000], -EEXIST);
  CHECK_EQ(errnos[2050], 0);
  CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 2050)), 0);
  CHECK(Errnos(Await(exchange.get())) == (std::map<uint32_t, int>{{2050, 0}}));
}

void StopsAtARefusal() {
  auto exchange = Start();
  CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, 7, 1)), 0);
  CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, 0, 5, true)), 0);
  CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, 5, 5, true)), 0);
  CHECK_EQ(exchange->Submit(Routes(RTM_NEWROUTE, 10, 5, true)), 0);
  CHECK_EQ(Await(exchange.get()).status, 0);
  CHECK(Errnos(Await(exchange.get())) == (std::map<uint32_t, int>{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}));
  WindowExchange::Answer refused = Await(exchange.get());
  CHECK(Errnos(refused) == (std::map<uint32_t, int>{{6, 0}, {7, 0}, {8, -EEXIST}}));
  CHECK_EQ(refused.status, 0);
  CHECK_EQ(refused.sent, 3 * kRouteBytes);
  WindowExchange::Answer canceled = Await(exchange.get());
  CHECK_EQ(canceled.status, -ECANCELED);
  CHECK_EQ(canceled.sent, 0u);
  CHECK(canceled.bytes.empty());
  auto other = Start();
  CHECK_EQ(other->Submit(Routes(RTM_DELROUTE, 0, 8)), 0);
  CHECK(Errnos(Await(other.get())) == (std::map<uint32_t, int>{{8, 0}}));
}

// What is no sequence of messages is not sent, rather than read beyond its end.
void RefusesWhatCannotBe() {
  for (uint32_t length : {0u, 15u, 45u, 0xffffffffu}) {
    auto exchange = Start();
    WindowExchange::Window window = Routes(RTM_NEWROUTE, 0, 1, true);
    memcpy(window.bytes.data(), &length, sizeof length);
    CHECK_EQ(exchange->Submit(std::move(window)), 0);
    WindowExchange::Answer answer = Await(exchange.get());
    CHECK_EQ(answer.status, -EINVAL);
    CHECK_EQ(answer.sent, 0u);
  }
}

void SaysWhenAnswersAreDropped() {
  // The smallest buffer that there is holds a few answers.
  auto exchange = Start(1);
  CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 512)), 0);
  WindowExchange::Answer answer = Await(exchange.get());
  CHECK_EQ(answer.status, -ENOBUFS);
  CHECK_EQ(answer.sent, 512 * kRouteBytes);
  size_t told = Errnos(answer).size();
  CHECK(told > 0 && told < 512);
  // And goes on.
  CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 1)), 0);
  CHECK(Errnos(Await(exchange.get())) == (std::map<uint32_t, int>{{1, -ESRCH}}));
}

void SaysWhenNothingCouldBeSent() {
  auto exchange = Start();
  int small = 4096;
  CHECK(setsockopt(exchange->io().fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 512)), 0);
  WindowExchange::Answer answer = Await(exchange.get());
  CHECK_EQ(answer.status, -EMSGSIZE);
  CHECK_EQ(answer.sent, 0u);
}

void Stops() {
  int before = CountFds();
  for (int round = 0; round < 100; ++round) {
    auto exchange = Start();
    CHECK_EQ(CountFds(), before + 1);
    for (uint32_t i = 0; i < 8; ++i) CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 512)), 0);
    // Sometimes in the middle of a window, sometimes before the first.
    if (round % 2 == 0) Await(exchange.get());
    uint64_t begun = exchange->Stop();
    CHECK(begun <= 8 && begun >= (round % 2 == 0 ? 1u : 0u));
    CHECK_EQ(exchange->Stop(), begun);
    CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 1)), -ESHUTDOWN);
    WaitFor([&] { return exchange->Idle(); });
    // What was begun has been answered.
    uint64_t answers = round % 2 == 0 ? 1 : 0;
    while (exchange->Collect()) ++answers;
    CHECK_EQ(answers, begun);
  }
  CHECK_EQ(CountFds(), before);
  // The destructor waits by itself.
  for (int round = 0; round < 50; ++round) {
    auto exchange = Start();
    CHECK_EQ(exchange->Submit(Routes(RTM_DELROUTE, 0, 512)), 0);
  }
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  EnterOwnNetns();
  CHECK(std::system("ip link set lo up") == 0);
  int before = CountFds();
  AnswersWindowByWindow();
  StopsAtARefusal();
  RefusesWhatCannotBe();
  SaysWhenAnswersAreDropped();
  SaysWhenNothingCouldBeSent();
  Stops();
  CHECK_EQ(CountFds(), before);
  return 0;
}
