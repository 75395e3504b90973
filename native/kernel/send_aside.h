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

// Sends on a thread, in order. rtnetlink carries a request out while it takes it, and waits as long as
// anybody holds the RTNL lock: seconds, where namespaces with many links go.
//
// All but the thread's own work is for one thread, the owner's.
class SendAside {
 public:
  struct Sent {
    // Bytes sent, or a negative errno. -ECANCELED: not sent, because the kernel had no room for one before it
    // (-EAGAIN, -ENOBUFS), and order counts.
    int result;
    int32_t microseconds;
  };

  // `wake` is called on the thread when there is something to collect, and when it ends.
  static Result<std::unique_ptr<SendAside>> Start(std::shared_ptr<NetlinkIo> io, std::function<void()> wake);
  // Waits for the thread: as long as the kernel needs for one request, unless Ended().
  ~SendAside();

  void Submit(std::vector<uint8_t> bytes);
  // How the oldest that has not been collected went; nothing while it is on its way.
  std::optional<Sent> Collect();
  // Some are not collected.
  bool Busy() const { return submitted_ != collected_; }
  // The thread sends nothing more.
  void Stop();
  bool Ended() const { return thread_ == nullptr || thread_->Ended(); }
  bool Gone() { return thread_ == nullptr || thread_->Gone(); }

 private:
  SendAside(std::shared_ptr<NetlinkIo> io, std::function<void()> wake)
      : io_(std::move(io)), wake_(std::move(wake)) {}
  void Work();

  const std::shared_ptr<NetlinkIo> io_;
  const std::function<void()> wake_;
  // Of the owner alone.
  uint64_t submitted_ = 0;
  uint64_t collected_ = 0;

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::vector<uint8_t>> waiting_;
  std::deque<Sent> sent_;
  // There was no room, and the owner has not heard all of it yet: what it submits would overtake what comes
  // back.
  bool jammed_ = false;
  bool stopping_ = false;

  // Last, so that it is joined first.
  std::unique_ptr<OwnThread> thread_;
};

}  // namespace cofferdam
