#pragma once

#include <functional>
#include <memory>

#include "../kernel/result.h"
#include "environment.h"

struct uv_poll_s;

namespace cofferdam {

// A uv_poll_t over an fd that somebody else owns.
//
// Close order: Poll::Close (uv_close takes the fd out of epoll), then the owner closes the fd. The other way
// round, the number can be reused while libuv still watches it, and libuv aborts. The memory goes in libuv's
// close callback.
class Poll {
 public:
  struct Closer {
    void operator()(Poll* poll) const { poll->Close(nullptr); }
  };
  using Pointer = std::unique_ptr<Poll, Closer>;

  // What is watched for: data to read, or POLLPRI, by which files of cgroups and PSI triggers tell that they
  // have changed.
  enum class For { kReadable, kPriority };

  // A new poll does not keep the event loop alive.
  static Result<Pointer> Create(std::shared_ptr<Environment> environment, int fd, For what = For::kReadable);

  // Runs `on_ready` whenever there is what is watched for: status 0, or the negative errno of the poll
  // itself.
  int Start(std::function<void(int status)> on_ready);
  // Stops watching, and starts again after Pause: a level-triggered watcher of data that nobody wants to read
  // yet would spin.
  int Pause();
  int Resume();
  void Ref();
  void Unref();
  bool HasRef() const;
  // Stops at once; `on_closed`, if any, runs when libuv has let go. The object must not be used any more.
  void Close(std::function<void()> on_closed);

 private:
  Poll(std::shared_ptr<Environment> environment, For what);
  ~Poll();
  static void OnPoll(uv_poll_s* handle, int status, int events);

  std::shared_ptr<Environment> environment_;
  std::unique_ptr<uv_poll_s> handle_;
  const For what_;
  bool polling_ = false;
  std::function<void(int)> on_ready_;
  std::function<void()> on_closed_;
};

}  // namespace cofferdam
