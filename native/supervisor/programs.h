#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../kernel/control_socket.h"
#include "client.h"
#include "message.h"
#include "system_cgroup.h"

namespace cofferdam {

// The programs of one system: who has started each of them, and the number that he knows it by. Pid 1 knows
// them by numbers of ours, because two who do not know each other may choose the same.
class Programs {
 public:
  // Of `owner` the last program is remembered: how it ended is how its system did its work.
  Programs(const SystemCgroup* cgroup, Party owner) : cgroup_(cgroup), owner_(std::move(owner)) {}

  // Enters a program that `request`, of `by`, is about to start. Its number is the serial of what pid 1 is
  // asked, too.
  uint32_t Enter(const Party& by, const MessageReader& request);
  // 0 where `by` has none of that number, or it has ended.
  uint32_t NumberOf(const Party& by, uint64_t command) const;
  // All that `by` has started and that have yet to end.
  std::vector<uint32_t> NumbersOf(const Party& by) const;

  // What pid 1 says of one: kStarted, kFailed or kExited.
  void Hear(const MessageReader& said, const std::vector<OwnedFd>& fds);
  // It has not been started.
  void Refuse(uint32_t number, const Failure& failure);
  // Nobody will say any more: who waits for a start is told so.
  void RefuseStarting();

  // How the owner's last program ended, if it has: kCode, kStatus and kUsage.
  void AddLastExit(MessageWriter* message) const;

 private:
  struct Program {
    Party by;
    uint32_t serial;
    uint64_t command;
    bool started;
  };

  const SystemCgroup* cgroup_;
  const Party owner_;
  std::map<uint32_t, Program> programs_;
  uint32_t last_number_ = 0;
  std::vector<std::pair<Tag, std::string>> last_exit_;
};

}  // namespace cofferdam
