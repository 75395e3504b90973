#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "../kernel/owned_fd.h"

namespace cofferdam {

// epoll(7), and nothing else: one thread, and no callback runs inside another.
class EventLoop {
 public:
  // An fd that is watched, which is somebody else's, until this goes.
  class Watch {
   public:
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    // Whether room to write wakes as well.
    void WantRoom(bool on);

   private:
    friend class EventLoop;
    Watch(EventLoop* loop, int fd, std::function<void()> on_ready);

    EventLoop* loop_;
    int fd_;
    std::function<void()> on_ready_;
  };

  EventLoop();
  // A watch on what can be read from `fd`, or on its end. It may go in its own callback. Null, with errno,
  // where the kernel has no memory for one.
  std::unique_ptr<Watch> Add(int fd, std::function<void()> on_ready);
  // Waits once, no longer than until `deadline` (as Now() has it; 0 for none), and calls whoever is ready.
  void Turn(uint64_t deadline);
  // Milliseconds of CLOCK_MONOTONIC.
  static uint64_t Now();

 private:
  OwnedFd epoll_;
  // Of this turn: who goes meanwhile is taken out.
  std::vector<Watch*> ready_;
};

}  // namespace cofferdam
