// PacketGroup on control messages that the kernel would never send; what it does send is netlink_io_test's.
#include "packet_group.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "check.h"

using namespace cofferdam;

namespace {

std::vector<char> Part(size_t claimed, int level, int type, uint32_t group, size_t bytes) {
  std::vector<char> out(bytes, 0);
  cmsghdr header = {};
  header.cmsg_len = claimed;
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::memcpy(out.data(), &header, std::min(bytes, sizeof header));
  if (bytes >= CMSG_LEN(sizeof group)) std::memcpy(out.data() + CMSG_LEN(0), &group, sizeof group);
  return out;
}

uint32_t GroupOf(std::vector<char> control) {
  msghdr message = {};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  return PacketGroup(message);
}

int32_t NsidOf(std::vector<char> control) {
  msghdr message = {};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  return PacketNsid(message);
}

}  // namespace

int main() {
  constexpr size_t kWhole = CMSG_LEN(sizeof(nl_pktinfo));
  constexpr size_t kSpace = CMSG_SPACE(sizeof(nl_pktinfo));
  CHECK_EQ(GroupOf({}), 0);
  CHECK_EQ(GroupOf(Part(kWhole, SOL_NETLINK, NETLINK_PKTINFO, 7, kSpace)), 7);
  CHECK_EQ(GroupOf(Part(kWhole, SOL_NETLINK, NETLINK_PKTINFO, 7, kWhole)), 7);
  CHECK_EQ(GroupOf(Part(kWhole, SOL_SOCKET, NETLINK_PKTINFO, 7, kSpace)), 0);
  CHECK_EQ(GroupOf(Part(kWhole, SOL_NETLINK, NETLINK_PKTINFO + 1, 7, kSpace)), 0);
  // Shorter than it says, shorter than a group, shorter than its own header, nothing at all.
  CHECK_EQ(GroupOf(Part(kWhole, SOL_NETLINK, NETLINK_PKTINFO, 7, kWhole - 1)), 0);
  CHECK_EQ(GroupOf(Part(kWhole - 1, SOL_NETLINK, NETLINK_PKTINFO, 7, kSpace)), 0);
  CHECK_EQ(GroupOf(Part(3, SOL_NETLINK, NETLINK_PKTINFO, 7, kSpace)), 0);
  CHECK_EQ(GroupOf(Part(0, SOL_NETLINK, NETLINK_PKTINFO, 7, kSpace)), 0);
  CHECK_EQ(GroupOf(Part(SIZE_MAX, SOL_NETLINK, NETLINK_PKTINFO, 7, kSpace)), 0);
  CHECK_EQ(GroupOf(std::vector<char>(sizeof(cmsghdr) - 1)), 0);
  // Behind another's, even where the padding of that one is cut off.
  std::vector<char> both = Part(CMSG_LEN(1), SOL_SOCKET, 1, 0, CMSG_SPACE(1));
  std::vector<char> ours = Part(kWhole, SOL_NETLINK, NETLINK_PKTINFO, 9, kSpace);
  both.insert(both.end(), ours.begin(), ours.end());
  CHECK_EQ(GroupOf(both), 9);
  CHECK_EQ(GroupOf(Part(CMSG_LEN(1), SOL_SOCKET, 1, 0, CMSG_LEN(1))), 0);
  // A namespace's number, beside the group, in whichever order; no whole number is our own namespace.
  std::vector<char> nsid = Part(CMSG_LEN(4), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 3, CMSG_SPACE(4));
  CHECK_EQ(NsidOf(nsid), 3);
  CHECK_EQ(GroupOf(nsid), 0);
  nsid.insert(nsid.end(), ours.begin(), ours.end());
  CHECK_EQ(NsidOf(nsid), 3);
  CHECK_EQ(GroupOf(nsid), 9);
  CHECK_EQ(NsidOf(ours), -1);
  CHECK_EQ(NsidOf(Part(CMSG_LEN(3), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 3, CMSG_SPACE(4))), -1);
  CHECK_EQ(NsidOf({}), -1);
  return 0;
}
