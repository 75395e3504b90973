#pragma once

namespace cofferdam {

// Deletes a link of the network namespace that we are in, by name: the host's end of a system's veth, which
// connections that are still open would keep for minutes. 0 also where it is gone already, or a negative
// errno.
int DeleteHostLink(const char* ifname);

}  // namespace cofferdam
