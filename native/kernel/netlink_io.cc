#include "netlink_io.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "packet_group.h"

namespace cofferdam {

namespace {

// How many foreign datagrams one Receive skips at most. Whoever floods the socket must not hold the event
// loop: after these the caller sees -EAGAIN and the level-triggered poll calls again.
constexpr int kMaxSkipped = 64;

}  // namespace

Result<NetlinkIo> NetlinkIo::Open(const NetlinkOptions& options) {
  Result<OwnedFd> fd = OwnedFd::Socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, options.protocol);
  if (!fd.ok()) return fd.failure();
  NetlinkIo io;
  io.fd_ = std::move(fd).value();
  // From here on every early return destroys `io`, and with it the socket.
  if (int error = io.Configure(options); error < 0) return Errno{error};
  return io;
}

int NetlinkIo::Configure(const NetlinkOptions& options) {
  for (int name : {NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK}) {
    if (int error = SetOption(SOL_NETLINK, name, 1); error < 0) return error;
  }
  if (options.receive_buffer > 0) {
    // FORCE passes net.core.rmem_max but wants CAP_NET_ADMIN; the plain option is silently capped by it.
    int error = SetOption(SOL_SOCKET, SO_RCVBUFFORCE, options.receive_buffer);
    if (error < 0) error = SetOption(SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
    if (error < 0) return error;
  }
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  if (bind(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return -errno;
  socklen_t length = sizeof address;
  if (getsockname(fd(), reinterpret_cast<sockaddr*>(&address), &length) < 0) return -errno;
  port_id_ = address.nl_pid;
  return 0;
}

uint64_t NetlinkIo::NetnsInode() const {
  if (netns_inode_ != 0) return netns_inode_;
  struct stat status;
  Result<OwnedFd> netns = OwnedFd::NetnsOfSocket(fd());
  if (netns.ok()) {
    if (fstat(netns.value().get(), &status) == 0) netns_inode_ = status.st_ino;
  } else if (netns.error() == -EPERM || netns.error() == -EACCES || netns.error() == -ENOTTY) {
    // Without CAP_NET_ADMIN the namespace of the calling thread is the answer: the socket was opened on it.
    if (stat("/proc/thread-self/ns/net", &status) == 0) netns_inode_ = status.st_ino;
  }
  // Otherwise it has run out of fds or memory, and may be luckier next time.
  return netns_inode_;
}

int NetlinkIo::Send(const uint8_t* bytes, size_t length) {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  iovec part = {const_cast<uint8_t*>(bytes), length};
  msghdr message = {};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof kernel;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  for (;;) {
    ssize_t sent = sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<int>(sent);
    if (errno != EINTR) return -errno;
  }
}

int NetlinkIo::Receive(uint8_t* buffer, size_t capacity) {
  Datagram datagram = ReceiveDatagram(buffer, capacity);
  if (datagram.length >= 0) {
    received_group_ = static_cast<uint32_t>(datagram.group);
    received_nsid_ = datagram.nsid;
  }
  return datagram.length;
}

Datagram NetlinkIo::ReceiveDatagram(uint8_t* buffer, size_t capacity) {
  for (int skipped = 0; skipped < kMaxSkipped;) {
    sockaddr_nl sender = {};
    iovec part = {buffer, capacity};
    msghdr message = {};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(nl_pktinfo)) + CMSG_SPACE(sizeof(int32_t))];
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    // MSG_TRUNC makes the kernel report the true length, and msg_flags says that it was cut.
    ssize_t length = recvmsg(fd(), &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      if (errno == EINTR) continue;
      return {-errno, 0, -1};
    }
    // Before the length is looked at: a stranger's overlong datagram is no loss of ours.
    if (message.msg_namelen != sizeof sender || sender.nl_family != AF_NETLINK || sender.nl_pid != 0) {
      foreign_datagrams_.fetch_add(1, std::memory_order_relaxed);
      ++skipped;
      continue;
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) return {-EMSGSIZE, 0, -1};
    return {static_cast<int32_t>(length), static_cast<int32_t>(PacketGroup(message)), PacketNsid(message)};
  }
  return {-EAGAIN, 0, -1};
}

int NetlinkIo::ReceiveMany(uint8_t* buffer, size_t capacity, Datagram* out, int max) {
  if (pending_error_ < 0) return std::exchange(pending_error_, 0);
  size_t at = 0;
  int count = 0;
  while (count < max && at + kLargestDatagram <= capacity) {
    int length = Receive(buffer + at, kLargestDatagram);
    if (length < 0) {
      if (count == 0) return length;
      // Nothing more is no news, and the next call finds out by itself.
      if (length != -EAGAIN) pending_error_ = length;
      break;
    }
    out[count++] = {length, static_cast<int32_t>(received_group_), received_nsid_};
    at += NLMSG_ALIGN(static_cast<size_t>(length));
  }
  return count == 0 ? -EINVAL : count;
}

int NetlinkIo::SetMembership(uint32_t group, bool member) {
  // Before the first datagram of any group can arrive.
  if (member) {
    if (int error = SetOption(SOL_NETLINK, NETLINK_PKTINFO, 1); error < 0) return error;
  }
  return SetOption(SOL_NETLINK, member ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
                   static_cast<int>(group));
}

int NetlinkIo::AttachFilter(const sock_filter* program, uint16_t length) {
  sock_fprog filter = {length, const_cast<sock_filter*>(program)};
  return setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

int64_t NetlinkIo::Drops() const {
  uint32_t values[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof values;
  if (getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, values, &length) < 0) return -errno;
  return values[SK_MEMINFO_DROPS];
}

int NetlinkIo::LinkName(int index, char* name) const {
  ifreq request = {};
  request.ifr_ifindex = index;
  if (ioctl(fd(), SIOCGIFNAME, &request) < 0) return -errno;
  memcpy(name, request.ifr_name, sizeof request.ifr_name);
  return 0;
}

int NetlinkIo::SetOption(int level, int name, int value) {
  return setsockopt(fd(), level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int NetlinkIo::GetOption(int level, int name) const {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd(), level, name, &value, &length) < 0 ? -errno : value;
}

}  // namespace cofferdam
