#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "../kernel/netlink_io.h"
#include "../kernel/read_ahead.h"
#include "../kernel/send_aside.h"
#include "environment.h"
#include "wake.h"

namespace cofferdam {

// The threads of one netlink socket, which come and go with the need for them, and how the loop hears of
// them.
//
// They share the socket: where one is in the kernel when the handle is closed, nobody waits for it, and the
// fd is closed when it is through. Until then the environment does not end.
class NetlinkThreads {
 public:
  struct Closer {
    void operator()(NetlinkThreads* threads) const { threads->Close(nullptr); }
  };
  using Pointer = std::unique_ptr<NetlinkThreads, Closer>;

  // `on_news` runs on the loop when there is something to take, or a send has ended.
  static Result<Pointer> Create(std::shared_ptr<Environment> environment, std::shared_ptr<NetlinkIo> io,
                                std::function<void()> on_news);

  // 0, or a negative errno: -EALREADY while one reads.
  int StartReading(std::shared_ptr<uint8_t> memory);
  bool reading() const { return reader_ != nullptr; }
  // See ReadAhead::Take. After kEnded nobody reads any more.
  ReadAhead::Outcome Take(Datagram* datagram, size_t* offset);

  // Something that Send took is on its way, or its result has not been collected.
  bool sending() const { return sender_ != nullptr && sender_->Busy(); }
  // 0, or a negative errno. What is sent so is sent in order.
  int Send(std::vector<uint8_t> bytes);
  // How the oldest one went, once.
  std::optional<SendAside::Sent> Sent();
  // Lets go of the thread that sends, if it has nothing to do.
  void EndSending();

  void SetRef(bool on) { wake_->SetRef(on); }
  // The threads stop when the kernel lets them; `on_closed` runs when all is gone. The object must not be
  // used any more.
  void Close(std::function<void()> on_closed);

 private:
  NetlinkThreads(std::shared_ptr<Environment> environment, std::shared_ptr<NetlinkIo> io,
                 std::function<void()> on_news);
  ~NetlinkThreads() = default;
  void OnWake();
  // Forgets the threads that have gone.
  void Reap();
  void FinishIfIdle();

  std::shared_ptr<Environment> environment_;
  std::shared_ptr<NetlinkIo> io_;
  std::function<void()> on_news_;
  std::function<void()> on_closed_;
  bool closing_ = false;
  Wake* wake_ = nullptr;
  std::unique_ptr<ReadAhead> reader_;
  std::unique_ptr<SendAside> sender_;
  // Not needed any more, and not gone yet: nobody waits for them.
  std::vector<std::unique_ptr<ReadAhead>> old_readers_;
  std::vector<std::unique_ptr<SendAside>> old_senders_;
};

}  // namespace cofferdam
