#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>

struct uv_loop_s;

namespace cofferdam {

// What this addon has open in one Node environment (the main thread or one Worker), and how it ends.
//
// A uv handle that outlives its Worker aborts the process, and one that is freed before its close callback
// crashes it. So there is one asynchronous cleanup hook for the whole environment: it closes every member,
// and tells Node to go on only when libuv has let go of the last handle. The library itself stays mapped
// (-z nodelete), because close callbacks run until then.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  // A handle that is open in this environment.
  class Member {
   public:
    // The environment ends: release what is held. Must not call JavaScript. Must leave the set.
    virtual void EndWithEnvironment() = 0;

   protected:
    ~Member() = default;
  };

  // Null when Node refuses the hook.
  static std::shared_ptr<Environment> Create(napi_env env);
  explicit Environment(napi_env env) : env_(env) {}

  napi_env env() const { return env_; }
  uv_loop_s* loop() const;
  // Of the event loop: grows with each.
  uint64_t turn();
  // True from the moment the hook runs: nothing may be opened and no JavaScript called.
  bool ending() const { return ending_; }

  void Enter(Member* member) { members_.insert(member); }
  void Leave(Member* member) { members_.erase(member); }
  size_t open_handles() const { return members_.size(); }

  // Keeps the environment from ending between the start of uv_close and its callback.
  void BeginClosing() { ++closing_; }
  void EndClosing();

 private:
  static void OnCleanup(napi_async_cleanup_hook_handle hook, void* argument);
  void End();
  void FinishIfIdle();

  napi_env env_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::unordered_set<Member*> members_;
  uv_loop_s* loop_ = nullptr;
  size_t closing_ = 0;
  bool ending_ = false;
};

}  // namespace cofferdam
