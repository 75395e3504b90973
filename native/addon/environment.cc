#include "environment.h"

#include <uv.h>

#include <utility>

namespace cofferdam {

std::shared_ptr<Environment> Environment::Create(napi_env env) {
  auto environment = std::make_shared<Environment>(env);
  // The hook owns a share of its own: handles that are still open when instance data is already gone use it.
  auto* share = new std::shared_ptr<Environment>(environment);
  if (napi_add_async_cleanup_hook(env, OnCleanup, share, &environment->hook_) != napi_ok) {
    delete share;
    return nullptr;
  }
  return environment;
}

uv_loop_s* Environment::loop() const {
  uv_loop_s* loop = nullptr;
  return napi_get_uv_event_loop(env_, &loop) == napi_ok ? loop : nullptr;
}

uint64_t Environment::turn() {
  if (loop_ == nullptr) loop_ = loop();
  uv_metrics_t metrics;
  return loop_ != nullptr && uv_metrics_info(loop_, &metrics) == 0 ? metrics.loop_count : 0;
}

void Environment::EndClosing() {
  --closing_;
  FinishIfIdle();
}

void Environment::OnCleanup(napi_async_cleanup_hook_handle, void* argument) {
  auto* share = static_cast<std::shared_ptr<Environment>*>(argument);
  std::shared_ptr<Environment> environment = std::move(*share);
  delete share;
  environment->End();
}

void Environment::End() {
  ending_ = true;
  // Each member leaves the set as it ends, so look at a copy.
  for (Member* member : std::unordered_set<Member*>(members_)) member->EndWithEnvironment();
  FinishIfIdle();
}

void Environment::FinishIfIdle() {
  if (!ending_ || closing_ > 0 || hook_ == nullptr) return;
  // The last use of env_: Node may tear the rest down as soon as the hook is gone.
  napi_remove_async_cleanup_hook(std::exchange(hook_, nullptr));
}

}  // namespace cofferdam
