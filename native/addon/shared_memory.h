#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace cofferdam {

// Zeroed memory that threads may write to while JavaScript has it: whoever transfers or collects the array
// buffer takes away a share, not the memory.
std::shared_ptr<uint8_t> AllocateShared(size_t bytes);
// The memory as a Uint8Array; empty, with an exception pending, where this runtime has no external buffers.
Napi::Uint8Array ShareWithJavaScript(Napi::Env env, std::shared_ptr<uint8_t> memory, size_t bytes);

}  // namespace cofferdam
