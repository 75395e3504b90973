#include "shared_memory.h"

#include <cstdlib>
#include <utility>

namespace cofferdam {

std::shared_ptr<uint8_t> AllocateShared(size_t bytes) {
  // calloc takes zeroed pages from the kernel, and none before they are used.
  return std::shared_ptr<uint8_t>(static_cast<uint8_t*>(calloc(bytes, 1)), free);
}

Napi::Uint8Array ShareWithJavaScript(Napi::Env env, std::shared_ptr<uint8_t> memory, size_t bytes) {
  auto* share = new std::shared_ptr<uint8_t>(std::move(memory));
  napi_value buffer = nullptr;
  napi_status status = napi_create_external_arraybuffer(
      env, share->get(), bytes,
      [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<uint8_t>*>(hint); }, share,
      &buffer);
  if (status != napi_ok) {
    delete share;
    return Napi::Uint8Array();
  }
  return Napi::Uint8Array::New(env, bytes, Napi::ArrayBuffer(env, buffer), 0);
}

}  // namespace cofferdam
