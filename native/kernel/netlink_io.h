#pragma once

#include <linux/filter.h>

#include <atomic>
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

// A datagram received: how long, and where it came from. ReceiveMany puts its bytes where those before it
// end, rounded up to 4.
struct Datagram {
  // ReceiveDatagram says here what Receive would return.
  int32_t length;
  // The multicast group, 0 where unknown: a socket learns it from its first SetMembership on.
  int32_t group;
  // The network namespace it is from as ours numbers it, -1 for our own; see NETLINK_LISTEN_ALL_NSID.
  int32_t nsid;
};

// Room that ReceiveMany wants for the next datagram: what is longer is lost. News are a page or two.
constexpr size_t kLargestDatagram = 64 * 1024;

// Counts on any thread, and can be moved while there is only one.
class RelaxedCounter : public std::atomic<uint64_t> {
 public:
  RelaxedCounter() : std::atomic<uint64_t>(0) {}
  RelaxedCounter(RelaxedCounter&& other) noexcept : std::atomic<uint64_t>(other.load()) {}
  RelaxedCounter& operator=(RelaxedCounter&& other) noexcept {
    store(other.load());
    return *this;
  }
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
  // Inode of the network namespace the socket lives in, 0 where the kernel would not say. Found out when it
  // is first asked for, which costs as much as opening the socket. For the thread that opened it.
  uint64_t NetnsInode() const;
  uint64_t foreign_datagrams() const { return foreign_datagrams_.load(std::memory_order_relaxed); }
  // The multicast group that the last datagram received was sent to; 0 for one sent to this socket alone. The
  // headers cannot tell: news of what this very socket asked for carry its port id and sequence number.
  uint32_t received_group() const { return received_group_; }

  // One datagram to the kernel, not waiting for room. Bytes sent, or a negative errno. For any thread.
  int Send(const uint8_t* bytes, size_t length);
  // One datagram from the kernel, never waiting. Its length; -EAGAIN; -ENOBUFS after an overrun; -EMSGSIZE
  // when it was longer than `capacity`, and then it is lost.
  int Receive(uint8_t* buffer, size_t capacity);
  // The same for any thread: it leaves no trace in the object.
  Datagram ReceiveDatagram(uint8_t* buffer, size_t capacity);
  // As many datagrams as are there, as `max` allows and as fit: it ends where less than kLargestDatagram is
  // left. Their number, never 0, or the error that the first met. An error met later is the next call's.
  int ReceiveMany(uint8_t* buffer, size_t capacity, Datagram* out, int max);
  int SetMembership(uint32_t group, bool member);
  // SO_ATTACH_FILTER: classic BPF over each datagram; what it refuses never reaches the socket, and is not
  // counted.
  int AttachFilter(const sock_filter* program, uint16_t length);
  // How many datagrams the kernel could not deliver to this socket so far (SO_MEMINFO), or a negative errno.
  int64_t Drops() const;
  // The name of a link in the socket's namespace (SIOCGIFNAME), without a message and without waiting for
  // anybody's lock. `name` has room for IFNAMSIZ bytes, the NUL included. -ENODEV where there is no such
  // link.
  int LinkName(int index, char* name) const;
  int SetOption(int level, int name, int value);
  // The value of an int option, or a negative errno.
  int GetOption(int level, int name) const;
  int Close() { return fd_.Close(); }

 private:
  friend Result<NetlinkIo> OpenNetlinkIn(int netns_fd, const NetlinkOptions& options);
  int Configure(const NetlinkOptions& options);

  OwnedFd fd_;
  uint32_t port_id_ = 0;
  mutable uint64_t netns_inode_ = 0;
  RelaxedCounter foreign_datagrams_;
  uint32_t received_group_ = 0;
  int32_t received_nsid_ = -1;
  int pending_error_ = 0;
};

}  // namespace cofferdam
