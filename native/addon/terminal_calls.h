#pragma once

#include <napi.h>

namespace cofferdam {

// Functions of src/handle/native.ts about terminals.

// setWindowSize(fd, columns, rows)
Napi::Value SetWindowSizeCall(const Napi::CallbackInfo& info);
// makeRaw(fd), restoreTerminal(fd, before)
Napi::Value MakeRawCall(const Napi::CallbackInfo& info);
Napi::Value RestoreTerminalCall(const Napi::CallbackInfo& info);

}  // namespace cofferdam
