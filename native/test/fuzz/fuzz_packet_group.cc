// PacketGroup on hostile control messages: it ends, and reads nothing beyond their bytes.
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "packet_group.h"

namespace {

// What PacketGroup must answer, by the C library's own macros, for as long as every length is sane.
uint32_t Reference(msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    size_t offset =
        static_cast<size_t>(reinterpret_cast<char*>(part) - static_cast<char*>(message->msg_control));
    if (part->cmsg_len < CMSG_LEN(0) || part->cmsg_len > message->msg_controllen - offset) return 0;
    if (part->cmsg_level != SOL_NETLINK || part->cmsg_type != NETLINK_PKTINFO) continue;
    if (part->cmsg_len < CMSG_LEN(sizeof(nl_pktinfo))) continue;
    nl_pktinfo info;
    std::memcpy(&info, CMSG_DATA(part), sizeof info);
    return info.group;
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Exactly `size` bytes on the heap: AddressSanitizer sees a read of one more.
  std::vector<uint8_t> control(data, data + size);
  msghdr message = {};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (cofferdam::PacketGroup(message) != Reference(&message)) std::abort();
  return 0;
}
