#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "../kernel/cgroup_dir.h"
#include "janitor.h"
#include "message.h"

namespace cofferdam {

// The cgroup of a system and the groups above it, with their entry in the ledger: written before anything is
// made, cleared when nothing is left.
class SystemCgroup {
 public:
  explicit SystemCgroup(Ledger* ledger) : ledger_(ledger) {}
  SystemCgroup(const SystemCgroup&) = delete;
  SystemCgroup& operator=(const SystemCgroup&) = delete;

  // Makes it, if there is to be one, as `request` says, marks it and takes its lease. What a failure leaves,
  // Remove() takes back.
  Failure Make(const MessageReader& request);
  // Moves a process in, where it could not be born here.
  int MoveIn(pid_t pid) const;
  // Ends whoever is in it and below.
  void Kill() const;
  // Removes what is there. 0 when nothing is left; -EBUSY while somebody is in it.
  int Remove();

  // A link on the host that goes with it.
  void SetLink(const std::string& ifname);
  void DeleteLink() const;

  // Adds what the kernel counted.
  void AddStatistics(MessageWriter* message) const;

  // Of the directory; -1 where there is none.
  int fd() const { return cgroup_ ? cgroup_->fd() : -1; }
  // 0 where there is none.
  uint64_t inode() const { return cgroup_ ? cgroup_->inode() : 0; }

 private:
  Failure MakeGroups(std::string_view controllers, std::string_view identity);
  Failure MakeMarked(const MessageReader& request);
  Failure MakeDirectory(const MessageReader& request, const std::string& intent);
  Failure Mark(const MessageReader& request);

  Ledger* ledger_;
  Ledger::Entry* entry_ = nullptr;
  std::string root_, group_, name_, path_;
  std::optional<CgroupDir> parent_;
  // Holds the lease.
  std::optional<CgroupDir> cgroup_;
};

}  // namespace cofferdam
