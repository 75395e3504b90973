#include "window_exchange.h"

#include <linux/netlink.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cofferdam {

namespace {

// Answers to requests that change something are acknowledgements and errors of a few hundred bytes.
constexpr size_t kDatagramBytes = 32 * 1024;

// The errno in the first message of `bytes`, if it is an acknowledgement.
int FirstErrno(const uint8_t* bytes, size_t length) {
  nlmsghdr header;
  int error = 0;
  if (length < sizeof header + sizeof error) return 0;
  memcpy(&header, bytes, sizeof header);
  if (header.nlmsg_type != NLMSG_ERROR) return 0;
  memcpy(&error, bytes + sizeof header, sizeof error);
  return error;
}

bool Readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

WindowExchange::WindowExchange(NetlinkIo io, std::function<void()> wake)
    : io_(std::move(io)), wake_(std::move(wake)), datagram_(std::make_unique<uint8_t[]>(kDatagramBytes)) {}

Result<std::unique_ptr<WindowExchange>> WindowExchange::Start(NetlinkIo io, std::function<void()> wake) {
  std::unique_ptr<WindowExchange> exchange(new WindowExchange(std::move(io), std::move(wake)));
  WindowExchange* self = exchange.get();
  Result<std::unique_ptr<OwnThread>> thread = OwnThread::Start([self] { self->Work(); }, [] {});
  if (!thread.ok()) return thread.failure();
  exchange->thread_ = std::move(thread).value();
  return exchange;
}

WindowExchange::~WindowExchange() {
  Stop();
}

int WindowExchange::Submit(Window window) {
  {
    std::lock_guard<std::mutex> guard(lock_);
    if (stopping_) return -ESHUTDOWN;
    waiting_.push_back(std::move(window));
  }
  submitted_.notify_one();
  return 0;
}

std::optional<WindowExchange::Answer> WindowExchange::Collect() {
  std::lock_guard<std::mutex> guard(lock_);
  if (answered_.empty()) return std::nullopt;
  Answer answer = std::move(answered_.front());
  answered_.pop_front();
  return answer;
}

uint64_t WindowExchange::Stop() {
  uint64_t begun;
  {
    std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
    waiting_.clear();
    begun = begun_;
  }
  submitted_.notify_one();
  return begun;
}

bool WindowExchange::Idle() {
  std::lock_guard<std::mutex> guard(lock_);
  return !busy_;
}

void WindowExchange::Work() {
  std::unique_lock<std::mutex> guard(lock_);
  for (;;) {
    submitted_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    Window window = std::move(waiting_.front());
    waiting_.pop_front();
    ++begun_;
    busy_ = true;
    guard.unlock();
    Answer answer = Exchange(window);
    guard.lock();
    answered_.push_back(std::move(answer));
    busy_ = false;
    // Not under our lock: whoever is woken may hold another one, and wants ours.
    guard.unlock();
    wake_();
    guard.lock();
  }
}

WindowExchange::Answer WindowExchange::Exchange(const Window& window) {
  Answer answer = {0, 0, {}};
  if (refused_) {
    answer.status = -ECANCELED;
  } else if (window.stop_at_refusal) {
    ExchangeOneByOne(window, &answer);
  } else if (int sent = io_.Send(window.bytes.data(), window.bytes.size()); sent < 0) {
    answer.status = sent;
  } else {
    answer.sent = window.bytes.size();
    Drain(&answer);
  }
  return answer;
}

void WindowExchange::ExchangeOneByOne(const Window& window, Answer* answer) {
  const uint8_t* bytes = window.bytes.data();
  size_t left = window.bytes.size();
  while (left >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) {
      answer->status = -EINVAL;
      break;
    }
    // Aligned only now: the largest length there is would become 0.
    size_t length = std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
    if (int sent = io_.Send(bytes, length); sent < 0) {
      answer->status = sent;
      break;
    }
    answer->sent += length;
    size_t before = answer->bytes.size();
    Drain(answer);
    if (answer->status < 0) break;
    if (FirstErrno(answer->bytes.data() + before, answer->bytes.size() - before) != 0) {
      refused_ = true;
      return;
    }
    bytes += length;
    left -= length;
  }
  // What failed here is as good a reason to go no further.
  refused_ = answer->status < 0;
}

void WindowExchange::Drain(Answer* answer) {
  for (;;) {
    int length = io_.Receive(datagram_.get(), kDatagramBytes);
    if (length == -EAGAIN) {
      // Receive gives up after so many datagrams of strangers, behind which ours may wait.
      if (Readable(io_.fd())) continue;
      return;
    }
    if (length < 0) {
      if (answer->status == 0) answer->status = length;
      // ENOBUFS is said once, and what was not dropped follows.
      if (length == -ENOBUFS || length == -EMSGSIZE) continue;
      return;
    }
    answer->bytes.insert(answer->bytes.end(), datagram_.get(), datagram_.get() + length);
    // Datagrams follow one another aligned, as messages do within them.
    answer->bytes.resize(NLMSG_ALIGN(answer->bytes.size()));
  }
}

}  // namespace cofferdam
