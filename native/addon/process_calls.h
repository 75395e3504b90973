#pragma once

#include <napi.h>

namespace cofferdam {

struct SpawnFailure;

// NativeSpawnFailure.
Napi::Object FailureValue(Napi::Env env, const SpawnFailure& failure);

// Functions of src/handle/native.ts about processes that belong to no handle, or make one.

// spawn(options)
Napi::Value SpawnCall(const Napi::CallbackInfo& info);
// setSubreaper(on), isSubreaper()
Napi::Value SetSubreaperCall(const Napi::CallbackInfo& info);
Napi::Value IsSubreaperCall(const Napi::CallbackInfo& info);
// spawnedChildren(), reapChild(pid)
Napi::Value SpawnedChildrenCall(const Napi::CallbackInfo& info);
Napi::Value ReapChildCall(const Napi::CallbackInfo& info);

}  // namespace cofferdam
