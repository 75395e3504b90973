#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "owned_fd.h"
#include "result.h"

namespace cofferdam {

// Sockets of AF_UNIX and SOCK_SEQPACKET between processes of ours: messages arrive whole and in order, fds
// travel with them (unix(7), SCM_RIGHTS), and the end of one side is the end of file of the other.

// The fds that one message may carry: SCM_MAX_FD of the kernel.
constexpr size_t kMaxMessageFds = 253;

struct ControlMessage {
  // Empty at the end of file.
  std::string bytes;
  std::vector<OwnedFd> fds;
  // There was no room for all of them: what came is not what was sent.
  bool lost_fds = false;
};

// socketpair(2), close-on-exec, neither end waiting. Buffers are as large as the host permits.
int ControlPair(OwnedFd* one, OwnedFd* other);

// sendmsg(2). The fds stay the caller's. 0; -EAGAIN where the other side does not read; -EMSGSIZE for what no
// message can hold; -EPIPE where there is nobody any more.
int SendControl(int socket, std::string_view bytes, const int* fds = nullptr, size_t fd_count = 0);

// Whether what could not be sent may be later: there will be room, or memory.
bool IsForLater(int error);

// recvmsg(2). -EAGAIN where there is nothing.
Result<ControlMessage> ReceiveControl(int socket);

}  // namespace cofferdam
