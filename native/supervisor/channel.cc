#include "channel.h"

#include <cerrno>
#include <utility>

namespace cofferdam {

namespace {

// Messages taken before others of the loop have their turn.
constexpr int kPerTurn = 64;

std::vector<int> Numbers(const std::vector<OwnedFd>& fds) {
  std::vector<int> numbers;
  for (const OwnedFd& fd : fds) numbers.push_back(fd.get());
  return numbers;
}

}  // namespace

Channel::Channel(EventLoop* loop, OwnedFd socket, std::function<void(ControlMessage*)> on_message,
                 std::function<void()> on_end)
    : socket_(std::move(socket)), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {
  watch_ = loop->Add(socket_.get(), [this] {
    Flush();
    for (int i = 0; i < kPerTurn && ReceiveOne(); ++i) continue;
  });
  // Of which nothing would be heard: to who is at the other end it ends here.
  if (!watch_) socket_.Close();
}

int Channel::Send(std::string_view bytes, const int* fds, size_t fd_count) {
  if (closed()) return -EPIPE;
  int error = waiting_.empty() ? SendControl(socket_.get(), bytes, fds, fd_count) : -EAGAIN;
  if (!IsForLater(error)) return error;
  Message message = {std::string(bytes), {}};
  for (size_t i = 0; i < fd_count; ++i) {
    Result<OwnedFd> copy = OwnedFd::Duplicate(fds[i]);
    if (!copy.ok()) return copy.error();
    message.fds.push_back(std::move(copy).value());
  }
  waiting_.push_back(std::move(message));
  if (watch_) watch_->WantRoom(true);
  return 0;
}

void Channel::Flush() {
  if (waiting_.empty()) return;
  while (!waiting_.empty()) {
    const Message& next = waiting_.front();
    std::vector<int> fds = Numbers(next.fds);
    if (IsForLater(SendControl(socket_.get(), next.bytes, fds.data(), fds.size()))) return;
    waiting_.pop_front();
  }
  if (watch_) watch_->WantRoom(false);
}

bool Channel::ReceiveOne() {
  if (closed()) return false;
  Result<ControlMessage> message = ReceiveControl(socket_.get());
  if (!message.ok() && message.error() == -EAGAIN) return false;
  // ECONNRESET where it has died with something unread.
  if (!message.ok() || message.value().bytes.empty()) {
    // Copied: it may destroy us.
    std::function<void()> on_end = on_end_;
    watch_.reset();
    on_end();
    return false;
  }
  on_message_(&message.value());
  return true;
}

void Channel::Drain() {
  // Without a watch its end has been seen.
  while (watch_ && ReceiveOne()) continue;
}

void Channel::Close() {
  watch_.reset();
  waiting_.clear();
  socket_.Close();
}

}  // namespace cofferdam
