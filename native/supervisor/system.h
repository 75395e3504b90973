#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../kernel/owned_fd.h"
#include "channel.h"
#include "client.h"
#include "cover.h"
#include "event_loop.h"
#include "exporter.h"
#include "message.h"
#include "programs.h"
#include "system_cgroup.h"

namespace cofferdam {

// One disposable system, as its supervisor sees it: a cgroup, and pid 1 in it.
class System {
 public:
  // `owner` hears of it, as long as he is there.
  System(EventLoop* loop, Ledger* ledger, Covers* covers, const Party& owner);
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  // Makes it. The answer, kCreated or kFailed, follows, the latter when nothing is left.
  void Create(const MessageReader& request, const std::vector<OwnedFd>& fds);
  // kRun goes to pid 1, which answers; it is renumbered on the way.
  void Run(const Party& by, const MessageReader& request, ControlMessage* message);
  void Signal(const Party& by, const MessageReader& request);
  // Somebody else who may start programs, and hears how it ends; `answer` tells him of it. False where it has
  // not begun or is ending.
  bool Admit(const Party& visitor, MessageWriter* answer);
  bool Knows(const Party& visitor) const;
  // A visitor has gone, and what he has started goes with him.
  void Dismiss(const Client* client);
  // kLogs: the file that keeps what programs write.
  void GiveLogs(const Party& by, const MessageReader& request);
  // A link on the host that goes with it, if it is still there.
  void SetHostLink(const std::string& ifname);
  // Its time counts from now: milliseconds, 0 for no limit.
  void Begin(uint64_t timeout);
  // SIGTERM, `grace` milliseconds, and the end of all that is left. A second call may only hasten it.
  void End(const char* reason, uint64_t grace);
  // What its time brings; call when `deadline()` has come.
  void OnDeadline();

  const Party& owner() const { return owner_; }
  // Of its cgroup.
  uint64_t inode() const { return cgroup_.inode(); }
  // As EventLoop::Now(); 0 for none.
  uint64_t deadline() const { return deadline_; }
  // Nothing is left of it.
  bool gone() const { return state_ == State::kGone; }

 private:
  enum class State { kNew, kStarting, kRunning, kEnding, kKilled, kExporting, kGone };

  Failure Make(const MessageReader& request, const std::vector<OwnedFd>& fds);
  Failure StartInit(const MessageReader& request, const std::vector<OwnedFd>& fds);
  Failure WriteMaps(const MessageReader& request);
  // 0, or why pid 1 does not get it.
  int Pass(std::string_view bytes, const std::vector<OwnedFd>& fds);
  void OnMessage(ControlMessage* message);
  void OnInitEnd();
  void Kill();
  // Nobody is left in it: what its owner keeps is copied, and the rest removed.
  void OnDead();
  bool TakesExports() const;
  // Removes what is left, or waits a little longer.
  void Remove();

  EventLoop* loop_;
  Covers* covers_;
  const Party owner_;
  std::vector<Party> visitors_;
  State state_ = State::kNew;
  // Of the request to create it. One that fails is answered when nothing is left, with the reason if there is
  // no other failure.
  uint32_t create_serial_ = 0;
  bool answered_ = false;
  std::string refused_by_;
  Failure refusal_ = {-ECANCELED, "clone3", {}};
  bool want_netns_ = false;
  uint64_t timeout_ = 0;
  uint64_t grace_ = 0;
  uint64_t deadline_ = 0;
  uint64_t pause_ = 1;
  uint64_t killed_at_ = 0;
  bool told_stuck_ = false;
  std::string reason_;
  SystemCgroup cgroup_;
  Programs programs_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  OwnedFd pidfd_;
  OwnedFd netns_;
  OwnedFd logs_;
  ExportPlan exports_;
  // Its mounts, as long as something is to be copied out of them.
  OwnedFd tree_;
  std::unique_ptr<Exporter> exporter_;
  std::vector<std::string> exported_;
  // To pid 1.
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<EventLoop::Watch> pidfd_watch_;
};

}  // namespace cofferdam
