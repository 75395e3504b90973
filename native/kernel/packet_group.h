#pragma once

#include <sys/socket.h>

#include <cstdint>

namespace cofferdam {

// The multicast group of a received datagram by its NETLINK_PKTINFO control message; 0 where there is none,
// or none that is whole.
uint32_t PacketGroup(const msghdr& message);

}  // namespace cofferdam
