#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../kernel/control_socket.h"
#include "../kernel/owned_fd.h"
#include "event_loop.h"

namespace cofferdam {

// Our end of a control socket, in an event loop. What the socket has no room for waits here, and follows in
// order: a message that is lost would leave somebody waiting for ever.
class Channel {
 public:
  // `on_message` may not destroy the channel; `on_end`, called once at most, may. Closed at once where the
  // loop has no room for it.
  Channel(EventLoop* loop, OwnedFd socket, std::function<void(ControlMessage*)> on_message,
          std::function<void()> on_end);

  // 0, or a negative errno where it cannot be sent at all: -EPIPE, say.
  int Send(std::string_view bytes, const int* fds = nullptr, size_t fd_count = 0);
  // Takes what has come, all of it: for the end, when no more will come.
  void Drain();
  // Nothing is heard of it from here on, and nothing sent.
  void Close();
  bool closed() const { return !socket_.ok(); }

 private:
  struct Message {
    std::string bytes;
    std::vector<OwnedFd> fds;
  };

  // False when there was nothing any more.
  bool ReceiveOne();
  void Flush();

  OwnedFd socket_;
  std::function<void(ControlMessage*)> on_message_;
  std::function<void()> on_end_;
  std::deque<Message> waiting_;
  std::unique_ptr<EventLoop::Watch> watch_;
};

}  // namespace cofferdam
