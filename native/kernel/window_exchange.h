#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "netlink_io.h"
#include "own_thread.h"
#include "result.h"

namespace cofferdam {

// Sends windows of requests and fetches the answers to each, on a thread of its own.
//
// sendmsg(2) to rtnetlink runs all requests of the datagram and returns when the last is done, and it waits
// as long as anybody else holds the RTNL lock. That is no place for an event loop; but once it has returned,
// every answer is in the receive buffer, so that neither a poll nor a look into the answers is needed.
//
// Submit, Collect and Stop are for one thread, the owner's; what they share with the worker is under the
// lock.
class WindowExchange {
 public:
  struct Window {
    std::vector<uint8_t> bytes;
    // One message for each sendmsg, and none after the first that is refused. Each must ask for an ACK.
    bool stop_at_refusal;
  };
  struct Answer {
    // 0; or the negative errno of sendmsg (nothing of the window was carried out), or of recvmsg, above all
    // -ENOBUFS: answers were dropped. -ECANCELED: never sent, because something in a window before was
    // refused.
    int status;
    // Bytes of the window that the kernel has taken: all, none, or those of the messages up to the first
    // refused.
    size_t sent;
    // The datagrams received, one after the other. Each is a sequence of netlink messages.
    std::vector<uint8_t> bytes;
  };

  // `wake` is called on the thread when there is something to collect.
  static Result<std::unique_ptr<WindowExchange>> Start(NetlinkIo io, std::function<void()> wake);
  // Stops, and waits for the thread: as long as the kernel needs for the window that it is at, unless
  // Idle().
  ~WindowExchange();
  WindowExchange(const WindowExchange&) = delete;
  WindowExchange& operator=(const WindowExchange&) = delete;

  // For what needs no lock: the port id, socket options.
  const NetlinkIo& io() const { return io_; }
  // -ESHUTDOWN after Stop.
  int Submit(Window window);
  // The answer to the oldest window that has been answered and not been collected.
  std::optional<Answer> Collect();
  // Forgets the windows that have not been begun, and ends the thread after the one that has. Idempotent.
  // Returns how many windows have been begun in all.
  uint64_t Stop();
  // After Stop: the kernel is at no window, so that the destructor does not wait for it. Once true it stays
  // so.
  bool Idle();

 private:
  WindowExchange(NetlinkIo io, std::function<void()> wake);
  void Work();
  Answer Exchange(const Window& window);
  void ExchangeOneByOne(const Window& window, Answer* answer);
  // Receives what is there. The first failure stays in `answer`.
  void Drain(Answer* answer);

  NetlinkIo io_;
  const std::function<void()> wake_;
  // Of the worker alone.
  std::unique_ptr<uint8_t[]> datagram_;
  bool refused_ = false;

  std::mutex lock_;
  std::condition_variable submitted_;
  std::deque<Window> waiting_;
  std::deque<Answer> answered_;
  uint64_t begun_ = 0;
  bool stopping_ = false;
  bool busy_ = false;

  // Last, so that it is joined first.
  std::unique_ptr<OwnThread> thread_;
};

}  // namespace cofferdam
