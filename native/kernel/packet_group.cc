#include "packet_group.h"

#include <linux/netlink.h>

#include <cstring>

namespace cofferdam {

namespace {

// Copies the netlink control message of this type into `out`; false where there is none that is whole.
template <typename T>
bool FindControl(const msghdr& message, int type, T* out) {
  const char* bytes = static_cast<const char*>(message.msg_control);
  size_t left = message.msg_controllen;
  // Not by CMSG_NXTHDR: what it does with a length below that of the header differs between C libraries.
  while (left >= sizeof(cmsghdr)) {
    cmsghdr header;
    memcpy(&header, bytes, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > left) return false;
    if (header.cmsg_level == SOL_NETLINK && header.cmsg_type == type &&
        header.cmsg_len >= CMSG_LEN(sizeof(T))) {
      memcpy(out, bytes + CMSG_LEN(0), sizeof *out);
      return true;
    }
    size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step >= left) return false;
    bytes += step;
    left -= step;
  }
  return false;
}

}  // namespace

uint32_t PacketGroup(const msghdr& message) {
  nl_pktinfo info;
  return FindControl(message, NETLINK_PKTINFO, &info) ? info.group : 0;
}

int32_t PacketNsid(const msghdr& message) {
  int32_t nsid;
  return FindControl(message, NETLINK_LISTEN_ALL_NSID, &nsid) ? nsid : -1;
}

}  // namespace cofferdam
