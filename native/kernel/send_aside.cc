#include "send_aside.h"

#include <cerrno>
#include <utility>

#include "wait_clock.h"

namespace cofferdam {

Result<std::unique_ptr<SendAside>> SendAside::Start(std::shared_ptr<NetlinkIo> io,
                                                    std::function<void()> wake) {
  std::unique_ptr<SendAside> aside(new SendAside(std::move(io), std::move(wake)));
  SendAside* self = aside.get();
  Result<std::unique_ptr<OwnThread>> thread = OwnThread::Start([self] { self->Work(); }, aside->wake_);
  if (!thread.ok()) return thread.failure();
  aside->thread_ = std::move(thread).value();
  return aside;
}

SendAside::~SendAside() {
  Stop();
}

void SendAside::Stop() {
  {
    std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
  }
  changed_.notify_one();
}

void SendAside::Submit(std::vector<uint8_t> bytes) {
  ++submitted_;
  {
    std::lock_guard<std::mutex> guard(lock_);
    jammed_ = jammed_ && !sent_.empty();
    if (!jammed_) {
      waiting_.push_back(std::move(bytes));
    } else {
      sent_.push_back({-ECANCELED, 0});
      wake_();
    }
  }
  changed_.notify_one();
}

std::optional<SendAside::Sent> SendAside::Collect() {
  std::lock_guard<std::mutex> guard(lock_);
  if (sent_.empty()) return std::nullopt;
  ++collected_;
  Sent sent = sent_.front();
  sent_.pop_front();
  return sent;
}

void SendAside::Work() {
  WaitClock clock;
  std::unique_lock<std::mutex> guard(lock_);
  for (;;) {
    changed_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    std::vector<uint8_t> bytes = std::move(waiting_.front());
    waiting_.pop_front();
    guard.unlock();
    clock.Settle();
    clock.Begin();
    int result = io_->Send(bytes.data(), bytes.size());
    int32_t took = clock.End();
    guard.lock();
    sent_.push_back({result, took});
    if (result == -EAGAIN || result == -ENOBUFS) {
      jammed_ = true;
      for (; !waiting_.empty(); waiting_.pop_front()) sent_.push_back({-ECANCELED, 0});
    }
    wake_();
  }
}

}  // namespace cofferdam
