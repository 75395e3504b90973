#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <unordered_set>

#include "../kernel/owned_fd.h"
#include "../kernel/pidfd.h"
#include "dispatch.h"
#include "environment.h"
#include "poll.h"

namespace cofferdam {

struct Spawned;

// Pids of the children that we have yet to reap.
using ChildSet = std::unordered_set<pid_t>;

// NativePidfd of src/handle/native.ts: a process, watched by a poll over its pidfd where somebody wants to
// know of its end.
//
// A process that we spawned is watched from the start, and reaped as soon as it ends: nobody else does.
// Closing its handle kills it.
class PidfdHandle final : public Napi::ObjectWrap<PidfdHandle>, private Environment::Member {
 public:
  static Napi::Function Class(Napi::Env env);
  // openPidfd(pid)
  static Napi::Value Open(const Napi::CallbackInfo& info);
  // Takes over a child that has just been spawned. A number, with the child killed and reaped, where it
  // cannot.
  static Napi::Value Adopt(Napi::Env env, Spawned* spawned);

  explicit PidfdHandle(const Napi::CallbackInfo& info);
  ~PidfdHandle();

 private:
  friend class AddonData;
  // What outlives the handle where its child was killed and has yet to be reaped. The poll's callback owns
  // it.
  struct Watch {
    std::shared_ptr<Environment> environment;
    std::shared_ptr<ChildSet> children;
    OwnedFd pidfd;
    pid_t pid = 0;
    // A child that we have to reap, and have not yet. It is polled.
    bool unreaped = false;
    // How it ended, once we have reaped it.
    std::optional<Result<ProcessExit>> reaped;
    Poll::Pointer poll;
    bool has_ref = false;
    std::shared_ptr<Dispatch> on_exit;
    std::shared_ptr<Dispatch> on_closed;
    bool closing = false;

    void OnReadable(const std::shared_ptr<Watch>& self);
    void Reap();
  };
  struct Parts {
    std::shared_ptr<Watch> watch;
  };

  // Polls, if it does not yet. 0 or a negative errno.
  static int StartPolling(const std::shared_ptr<Watch>& watch);
  // Kills the child, if there is one left, and lets go of all, now or when it is reaped. True where
  // `on_closed`, if any, will be called later.
  static bool Close(const std::shared_ptr<Watch>& watch, std::shared_ptr<Dispatch> on_closed);
  static bool Finish(const std::shared_ptr<Watch>& watch);
  static Napi::Value Wrap(Napi::Env env, std::shared_ptr<Watch> watch);
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Pid(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Ended(const Napi::CallbackInfo& info);
  Napi::Value Exit(const Napi::CallbackInfo& info);
  Napi::Value WatchExit(const Napi::CallbackInfo& info);
  Napi::Value GetFd(const Napi::CallbackInfo& info);
  Napi::Value Ref(const Napi::CallbackInfo& info);
  Napi::Value Unref(const Napi::CallbackInfo& info);
  Napi::Value HasRef(const Napi::CallbackInfo& info);
  Napi::Value CloseHandle(const Napi::CallbackInfo& info);
  Napi::Value SetRef(const Napi::CallbackInfo& info, bool on);

  bool open() const { return watch_ != nullptr; }
  // Idempotent. True where `on_closed`, if any, will be called later.
  bool Release(std::shared_ptr<Dispatch> on_closed);
  void EndWithEnvironment() override { Release(nullptr); }

  std::shared_ptr<Environment> environment_;
  std::shared_ptr<Watch> watch_;
  pid_t pid_ = 0;
};

// { reason, status, usage? } of NativeExit.
Napi::Value ExitValue(Napi::Env env, Result<ProcessExit> exit);

}  // namespace cofferdam
