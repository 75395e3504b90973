#include "host_link.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "../kernel/owned_fd.h"

namespace cofferdam {

int DeleteHostLink(const char* ifname) {
  Result<OwnedFd> socket = OwnedFd::Socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (!socket.ok()) return socket.error();
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr name;
    char ifname[IF_NAMESIZE];
  } request = {};
  strncpy(request.ifname, ifname, IF_NAMESIZE - 1);
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_DELLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_family = AF_UNSPEC;
  request.name.rta_type = IFLA_IFNAME;
  request.name.rta_len = static_cast<unsigned short>(RTA_LENGTH(IF_NAMESIZE));
  // The kernel has answered when send returns.
  if (send(socket.value().get(), &request, sizeof request, 0) < 0) return -errno;
  struct {
    nlmsghdr header;
    nlmsgerr answer;
  } reply = {};
  if (recv(socket.value().get(), &reply, sizeof reply, 0) < static_cast<ssize_t>(sizeof reply))
    return -EPROTO;
  int error = reply.header.nlmsg_type == NLMSG_ERROR ? reply.answer.error : -EPROTO;
  return error == -ENODEV ? 0 : error;
}

}  // namespace cofferdam
