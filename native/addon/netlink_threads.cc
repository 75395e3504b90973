#include "netlink_threads.h"

#include <cerrno>
#include <utility>

namespace cofferdam {

NetlinkThreads::NetlinkThreads(std::shared_ptr<Environment> environment, std::shared_ptr<NetlinkIo> io,
                               std::function<void()> on_news)
    : environment_(std::move(environment)), io_(std::move(io)), on_news_(std::move(on_news)) {}

Result<NetlinkThreads::Pointer> NetlinkThreads::Create(std::shared_ptr<Environment> environment,
                                                       std::shared_ptr<NetlinkIo> io,
                                                       std::function<void()> on_news) {
  NetlinkThreads* threads = new NetlinkThreads(environment, std::move(io), std::move(on_news));
  Result<Wake*> wake = Wake::Create(std::move(environment), [threads] { threads->OnWake(); });
  if (!wake.ok()) {
    delete threads;
    return wake.failure();
  }
  threads->wake_ = wake.value();
  return Pointer(threads);
}

int NetlinkThreads::StartReading(std::shared_ptr<uint8_t> memory) {
  if (reading()) return -EALREADY;
  Reap();
  Result<std::unique_ptr<ReadAhead>> reader =
      ReadAhead::Start(io_, std::move(memory), [wake = wake_] { wake->Send(); });
  if (!reader.ok()) return reader.error();
  reader_ = std::move(reader).value();
  return 0;
}

ReadAhead::Outcome NetlinkThreads::Take(Datagram* datagram, size_t* offset) {
  ReadAhead::Outcome outcome = reader_->Take(datagram, offset);
  if (outcome == ReadAhead::Outcome::kEnded) {
    old_readers_.push_back(std::move(reader_));
    Reap();
  }
  return outcome;
}

int NetlinkThreads::Send(std::vector<uint8_t> bytes) {
  if (sender_ == nullptr) {
    Result<std::unique_ptr<SendAside>> sender = SendAside::Start(io_, [wake = wake_] { wake->Send(); });
    if (!sender.ok()) return sender.error();
    sender_ = std::move(sender).value();
  }
  sender_->Submit(std::move(bytes));
  return 0;
}

std::optional<SendAside::Sent> NetlinkThreads::Sent() {
  if (sender_ == nullptr) return std::nullopt;
  return sender_->Collect();
}

void NetlinkThreads::EndSending() {
  if (sender_ == nullptr || sender_->Busy()) return;
  sender_->Stop();
  old_senders_.push_back(std::move(sender_));
  Reap();
}

void NetlinkThreads::Reap() {
  std::erase_if(old_readers_, [](auto& reader) { return reader->Gone(); });
  std::erase_if(old_senders_, [](auto& sender) { return sender->Gone(); });
}

void NetlinkThreads::OnWake() {
  Reap();
  if (closing_) {
    FinishIfIdle();
  } else {
    on_news_();
  }
}

void NetlinkThreads::Close(std::function<void()> on_closed) {
  closing_ = true;
  on_closed_ = std::move(on_closed);
  environment_->BeginClosing();
  // An environment that ends runs its loop only while something keeps it alive.
  wake_->SetRef(true);
  if (reader_ != nullptr) {
    reader_->Stop();
    old_readers_.push_back(std::move(reader_));
  }
  if (sender_ != nullptr) {
    sender_->Stop();
    old_senders_.push_back(std::move(sender_));
  }
  FinishIfIdle();
}

void NetlinkThreads::FinishIfIdle() {
  if (wake_ == nullptr) return;
  // Each one wakes us when it ends.
  for (auto& reader : old_readers_)
    if (!reader->Ended()) return;
  for (auto& sender : old_senders_)
    if (!sender->Ended()) return;
  // With the last share of the socket goes its fd.
  old_readers_.clear();
  old_senders_.clear();
  io_.reset();
  std::exchange(wake_, nullptr)->Close([this] {
    if (on_closed_) on_closed_();
    std::shared_ptr<Environment> environment = std::move(environment_);
    delete this;
    environment->EndClosing();
  });
}

}  // namespace cofferdam
