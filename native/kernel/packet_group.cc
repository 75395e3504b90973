#include "packet_group.h"

#include <linux/netlink.h>

#include <cstring>

namespace cofferdam {

uint32_t PacketGroup(const msghdr& message) {
  const char* bytes = static_cast<const char*>(message.msg_control);
  size_t left = message.msg_controllen;
  // Not by CMSG_NXTHDR: what it does with a length below that of the header differs between C libraries.
  while (left >= sizeof(cmsghdr)) {
    cmsghdr header;
    memcpy(&header, bytes, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > left) return 0;
    if (header.cmsg_level == SOL_NETLINK && header.cmsg_type == NETLINK_PKTINFO &&
        header.cmsg_len >= CMSG_LEN(sizeof(nl_pktinfo))) {
      nl_pktinfo info;
      memcpy(&info, bytes + CMSG_LEN(0), sizeof info);
      return info.group;
    }
    size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step >= left) return 0;
    bytes += step;
    left -= step;
  }
  return 0;
}

}  // namespace cofferdam
