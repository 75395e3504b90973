#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "netlink_io.h"
#include "own_thread.h"
#include "result.h"

namespace cofferdam {

// Receives a socket's datagrams ahead of their reader, on a thread, into a bounded ring.
//
// The kernel makes the next part of a dump while the one before is received: with a reader that decodes
// meanwhile two cores work. It is also how a receive that waits for somebody's lock does not keep an event
// loop.
//
// The thread ends by itself once nothing waits in the socket; it never waits for data. All but the thread's
// own work is for one thread, the owner's.
class ReadAhead {
 public:
  // Enough for the reader to be away for a few milliseconds, and no more than a cache holds.
  static constexpr size_t kRingBytes = 1024 * 1024;

  enum class Outcome {
    // A datagram, or an error that recvmsg said in its place (`length` is negative).
    kTaken,
    // The thread is at it: `wake` will be called.
    kNothingYet,
    // All is taken and the thread has ended.
    kEnded,
  };

  // `memory` has kRingBytes. `wake` is called on the thread when a reader that found nothing should look
  // again.
  static Result<std::unique_ptr<ReadAhead>> Start(std::shared_ptr<NetlinkIo> io,
                                                  std::shared_ptr<uint8_t> memory,
                                                  std::function<void()> wake);
  // Waits for the thread: as long as the kernel needs for one datagram, unless Ended().
  ~ReadAhead();

  // The next in order. Its bytes are at `offset` of the memory and stay there until the next Take.
  Outcome Take(Datagram* datagram, size_t* offset);
  // The thread receives nothing more.
  void Stop();
  bool Ended() const { return thread_ == nullptr || thread_->Ended(); }
  bool Gone() { return thread_ == nullptr || thread_->Gone(); }

 private:
  struct Item {
    Datagram datagram;
    size_t offset;
  };

  ReadAhead(std::shared_ptr<NetlinkIo> io, std::shared_ptr<uint8_t> memory, std::function<void()> wake);
  void Work();
  // Wakes a reader that waits, if there is that much for it.
  void WakeReader(size_t least);
  // Where the next datagram can go; kRingBytes where there is no room.
  size_t Room() const;

  const std::shared_ptr<NetlinkIo> io_;
  const std::shared_ptr<uint8_t> memory_;
  const std::function<void()> wake_;

  std::mutex lock_;
  std::condition_variable taken_;
  // From the one that the owner reads now to the newest.
  std::deque<Item> items_;
  // The first of them is with the owner.
  bool reading_ = false;
  // The owner found nothing and waits.
  bool waiting_ = false;
  bool stopping_ = false;
  bool done_ = false;
  size_t head_ = 0;

  // Last, so that it is joined first.
  std::unique_ptr<OwnThread> thread_;
};

}  // namespace cofferdam
