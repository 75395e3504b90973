#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "../kernel/owned_fd.h"
#include "event_loop.h"
#include "janitor.h"
#include "system.h"

namespace cofferdam {

// The supervisor of one owner: its systems, and the threads of the owner that it hears.
//
// Others, who would start programs in one of them or hear of its end, take a duplicate of the door, by
// pidfd_getfd(2), and send a connection through it: so the kernel lets in who may trace us, and nobody else.
// No system has that right, and there is no name that anybody could connect to.
//
// It ends with its last system once nobody of the owner's can join any more, or, having ended them, with its
// owner.
class Supervisor {
 public:
  // The owner's threads join by `link`, which he closes with the last; `owner` is a pidfd.
  Supervisor(OwnedFd link, OwnedFd owner);

  // 0, or a negative errno where it could not begin.
  int Run();

 private:
  class Connection;

  int Begin();
  void KeepJanitor();
  int OpenDoor();
  void OnJoin(ControlMessage* message, bool visitor);
  void OnMessage(const std::shared_ptr<Connection>& from, ControlMessage* message);
  Failure OnAttach(const std::shared_ptr<Connection>& from, const MessageReader& request);
  void OnEnd(const std::shared_ptr<Connection>& connection);
  void OnOwnerEnd();
  System* Find(const Connection& from, const Party& party);
  uint64_t NextDeadline() const;
  void Tidy();

  EventLoop loop_;
  Ledger* ledger_ = nullptr;
  Covers covers_;
  OwnedFd owner_;
  // A pidfd.
  OwnedFd janitor_;
  // When another one is tried, as EventLoop::Now(); 0 for never.
  uint64_t janitor_due_ = 0;
  std::unique_ptr<Channel> link_, door_;
  // Its other side, which is there to be duplicated, as fd kDoor.
  OwnedFd outside_;
  std::unique_ptr<EventLoop::Watch> owner_watch_, janitor_watch_;
  std::list<std::shared_ptr<Connection>> connections_, visitors_;
  std::list<std::unique_ptr<System>> systems_;
};

}  // namespace cofferdam
