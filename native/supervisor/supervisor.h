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
  void Accept(OwnedFd socket);
  void OnMessage(const std::shared_ptr<Connection>& from, const ControlMessage& message);
  void OnOwnerEnd();
  System* Find(uint64_t connection, uint32_t id);
  uint64_t NextDeadline() const;
  void Tidy();

  EventLoop loop_;
  Ledger* ledger_ = nullptr;
  Covers covers_;
  OwnedFd owner_;
  OwnedFd first_;
  bool owner_ended_ = false;
  Janitor janitor_;
  std::unique_ptr<EventLoop::Watch> owner_watch_, janitor_watch_;
  // Numbers of connections are not used again: a system is not taken for one of a later thread.
  uint64_t connection_count_ = 0;
  std::list<std::shared_ptr<Connection>> connections_;
  struct Seat {
    uint64_t connection;
    std::unique_ptr<System> system;
  };
  std::list<Seat> systems_;
};

}  // namespace cofferdam
