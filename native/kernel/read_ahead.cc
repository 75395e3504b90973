#include "read_ahead.h"

#include <linux/netlink.h>

#include <cerrno>
#include <utility>

namespace cofferdam {

namespace {

// A flood of tiny datagrams must not become a long list of bookkeeping.
constexpr size_t kMaxItems = 1024;
// Waking costs the thread a system call and the loop a turn: a few parts of a dump at a time. What is fewer
// waits for the rest of the dump, or for the end of what is there, which are due.
constexpr size_t kWakeAt = 4;

}  // namespace

ReadAhead::ReadAhead(std::shared_ptr<NetlinkIo> io, std::shared_ptr<uint8_t> memory,
                     std::function<void()> wake)
    : io_(std::move(io)), memory_(std::move(memory)), wake_(std::move(wake)) {}

Result<std::unique_ptr<ReadAhead>> ReadAhead::Start(std::shared_ptr<NetlinkIo> io,
                                                    std::shared_ptr<uint8_t> memory,
                                                    std::function<void()> wake) {
  std::unique_ptr<ReadAhead> ahead(new ReadAhead(std::move(io), std::move(memory), std::move(wake)));
  ReadAhead* self = ahead.get();
  Result<std::unique_ptr<OwnThread>> thread = OwnThread::Start([self] { self->Work(); }, ahead->wake_);
  if (!thread.ok()) return thread.failure();
  ahead->thread_ = std::move(thread).value();
  return ahead;
}

ReadAhead::~ReadAhead() {
  Stop();
}

void ReadAhead::Stop() {
  {
    std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
  }
  taken_.notify_one();
}

ReadAhead::Outcome ReadAhead::Take(Datagram* datagram, size_t* offset) {
  Outcome outcome = Outcome::kTaken;
  {
    std::lock_guard<std::mutex> guard(lock_);
    if (reading_) items_.pop_front();
    reading_ = !items_.empty();
    if (reading_) {
      *datagram = items_.front().datagram;
      *offset = items_.front().offset;
    } else if (done_) {
      outcome = Outcome::kEnded;
    } else {
      waiting_ = true;
      outcome = Outcome::kNothingYet;
    }
  }
  taken_.notify_one();
  return outcome;
}

size_t ReadAhead::Room() const {
  if (items_.size() >= kMaxItems) return kRingBytes;
  if (items_.empty()) return 0;
  size_t tail = items_.front().offset;
  // Errors alone, which take no room.
  if (head_ == tail) return 0;
  if (head_ <= tail) return tail - head_ > kLargestDatagram ? head_ : kRingBytes;
  if (kRingBytes - head_ >= kLargestDatagram) return head_;
  // Never up to the tail: a ring whose head is at its tail would look empty.
  return tail > kLargestDatagram ? 0 : kRingBytes;
}

void ReadAhead::Work() {
  std::unique_lock<std::mutex> guard(lock_);
  for (;;) {
    size_t offset = Room();
    while (!stopping_ && offset == kRingBytes) {
      WakeReader(1);
      taken_.wait(guard);
      offset = Room();
    }
    if (stopping_) break;
    guard.unlock();
    Datagram datagram = io_->ReceiveDatagram(memory_.get() + offset, kLargestDatagram);
    guard.lock();
    if (datagram.length == -EAGAIN) break;
    head_ = offset;
    if (datagram.length > 0) head_ += NLMSG_ALIGN(static_cast<size_t>(datagram.length));
    items_.push_back({datagram, offset});
    if (datagram.length < 0 && datagram.length != -ENOBUFS && datagram.length != -EMSGSIZE) break;
    WakeReader(kWakeAt);
  }
  done_ = true;
}

void ReadAhead::WakeReader(size_t least) {
  if (!waiting_ || items_.size() < least) return;
  waiting_ = false;
  wake_();
}

}  // namespace cofferdam
