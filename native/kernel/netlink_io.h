#pragma once

#include <cstddef>
#include <cstdint>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

struct NetlinkOptions {
  int protocol = 0;
  // SO_RCVBUF in bytes; 0 leaves the default of the system.
  int receive_buffer = 0;
};

// A bound netlink socket: bytes in, bytes out. It never looks into the messages; that is the protocol's work.
// See netlink(7) and uapi/linux/netlink.h.
class NetlinkIo {
 public:
  // Opens the socket in the network namespace of the calling thread. Strict checking, extended ACKs and
  // capped ACKs are always on.
  static Result<NetlinkIo> Open(const NetlinkOptions& options);

  int fd() const { return fd_.get(); }
  uint32_t port_id() const { return port_id_; }
  // Inode of the network namespace the socket lives in, 0 where the kernel would not say.
  uint64_t netns_inode() const { return netns_inode_; }
  uint64_t foreign_datagrams() const { return foreign_datagrams_; }
  // The multicast group that the last datagram received was sent to; 0 for one sent to this socket alone. The
  // headers cannot tell: news of what this very socket asked for carry its port id and sequence number.
  uint32_t received_group() const { return received_group_; }

  // One datagram to the kernel, never waiting. Bytes sent, or a negative errno.
  int Send(const uint8_t* bytes, size_t length);
  // One datagram from the kernel, never waiting. Its length; -EAGAIN; -ENOBUFS after an overrun; -EMSGSIZE
  // when it was longer than `capacity`, and then it is lost.
  int Receive(uint8_t* buffer, size_t capacity);
  int SetMembership(uint32_t group, bool member);
  int SetOption(int level, int name, int value);
  // The value of an int option, or a negative errno.
  int GetOption(int level, int name) const;
  int Close() { return fd_.Close(); }

 private:
  int Configure(const NetlinkOptions& options);

  OwnedFd fd_;
  uint32_t port_id_ = 0;
  uint64_t netns_inode_ = 0;
  uint64_t foreign_datagrams_ = 0;
  uint32_t received_group_ = 0;
};

}  // namespace cofferdam
