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
// It ends with its last system once nobody is connected any more, or, having ended them, with its owner.
class Supervisor {
 public:
  // `owner` is a pidfd.
  Supervisor(OwnedFd connection, OwnedFd owner);

  // 0, or a negative errno where it could not begin.
  int Run();

 private:
  class Connection;

  int Begin();
  void KeepJanitor();
  int OpenDoor();
  void OnDoor();
  void Accept(OwnedFd socket, bool visitor);
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
  OwnedFd first_;
  bool owner_ended_ = false;
  Janitor janitor_;
  // Ours, and the one that is there to be duplicated, as fd kDoor.
  OwnedFd door_, outside_;
  std::unique_ptr<EventLoop::Watch> owner_watch_, janitor_watch_, door_watch_;
  std::list<std::shared_ptr<Connection>> connections_, visitors_;
  std::list<std::unique_ptr<System>> systems_;
};

}  // namespace cofferdam
