#pragma once

#include "netlink_io.h"
#include "result.h"

namespace cofferdam {

// Opens a netlink socket where `netns_fd` says: a network namespace, or a socket that lives in one; -1 for
// the calling thread's own. Abroad it happens on a thread made for it.
Result<NetlinkIo> OpenNetlinkIn(int netns_fd, const NetlinkOptions& options);

}  // namespace cofferdam
