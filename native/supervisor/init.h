#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "message.h"

namespace cofferdam {

// What pid 1 makes of its namespaces before anybody runs in them.
struct InitPlan {
  // Where the supervisor is at the other end.
  int control;
  // The supervisor has something to do first, write id maps say, and tells when it is done.
  bool wait;
  bool own_pids;
  bool own_network;
  bool own_mounts;
  bool own_users;
  // Empty where it stays as it is.
  std::string hostname;
  std::vector<std::string_view> steps;
  // What the system is made by: it says how its programs are confined.
  const MessageReader& system;
};

// Pid 1 of a system, from its birth to its end: makes its world, starts what it is told to, takes away
// who has ended, and dies with the supervisor. Not a line of it may run in another process.
[[noreturn]] void RunInit(const InitPlan& plan);

}  // namespace cofferdam
