#include "event_loop.h"

#include <sys/epoll.h>
#include <time.h>

#include <cerrno>
#include <utility>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

constexpr int kEvents = 64;

}  // namespace

EventLoop::EventLoop() : epoll_(NewFd(epoll_create1(EPOLL_CLOEXEC))) {}

EventLoop::Watch::Watch(EventLoop* loop, int fd, std::function<void()> on_ready)
    : loop_(loop), fd_(fd), on_ready_(std::move(on_ready)) {}

EventLoop::Watch::~Watch() {
  epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  for (Watch*& watch : loop_->ready_)
    if (watch == this) watch = nullptr;
}

void EventLoop::Watch::WantRoom(bool on) {
  epoll_event event = {};
  event.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, fd_, &event);
}

std::unique_ptr<EventLoop::Watch> EventLoop::Add(int fd, std::function<void()> on_ready) {
  std::unique_ptr<Watch> watch(new Watch(this, fd, std::move(on_ready)));
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = watch.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return watch;
  const int error = errno;
  watch.reset();
  errno = error;
  return nullptr;
}

uint64_t EventLoop::Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void EventLoop::Turn(uint64_t deadline) {
  int wait = -1;
  if (deadline != 0) {
    uint64_t now = Now();
    uint64_t left = deadline > now ? deadline - now : 0;
    wait = left > 60'000 ? 60'000 : static_cast<int>(left);
  }
  epoll_event events[kEvents];
  int count = epoll_wait(epoll_.get(), events, kEvents, wait);
  ready_.clear();
  for (int i = 0; i < count; ++i) ready_.push_back(static_cast<Watch*>(events[i].data.ptr));
  for (size_t i = 0; i < ready_.size(); ++i) {
    if (ready_[i] == nullptr) continue;
    // A copy: the callback may end its own watch.
    std::function<void()> on_ready = ready_[i]->on_ready_;
    on_ready();
  }
}

}  // namespace cofferdam
