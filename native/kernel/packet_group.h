#pragma once

#include <sys/socket.h>

#include <cstdint>

namespace cofferdam {

// The multicast group of a received datagram by its NETLINK_PKTINFO control message; 0 where there is none,
// or none that is whole.
uint32_t PacketGroup(const msghdr& message);

// The namespace that the news are from, as the receiver's namespace numbers it, by the control message that
// NETLINK_LISTEN_ALL_NSID asks for; -1 for the receiver's own.
int32_t PacketNsid(const msghdr& message);

}  // namespace cofferdam
