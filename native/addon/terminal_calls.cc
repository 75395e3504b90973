#include "terminal_calls.h"

#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "arguments.h"

namespace cofferdam {

Napi::Value SetWindowSizeCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  std::optional<int32_t> columns = IntArgument(info[1], "columns");
  if (!columns) return Napi::Value();
  std::optional<int32_t> rows = IntArgument(info[2], "rows");
  if (!rows) return Napi::Value();
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(*columns);
  size.ws_row = static_cast<unsigned short>(*rows);
  return Napi::Number::New(env, ioctl(*fd, TIOCSWINSZ, &size) < 0 ? -errno : 0);
}

Napi::Value MakeRawCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  termios before;
  if (tcgetattr(*fd, &before) < 0) return Napi::Number::New(env, -errno);
  termios raw = before;
  cfmakeraw(&raw);
  if (tcsetattr(*fd, TCSADRAIN, &raw) < 0) return Napi::Number::New(env, -errno);
  return Napi::Buffer<char>::Copy(env, reinterpret_cast<char*>(&before), sizeof before);
}

Napi::Value RestoreTerminalCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  termios before;
  if (!info[1].IsTypedArray() || info[1].As<Napi::Uint8Array>().ByteLength() != sizeof before) {
    Napi::TypeError::New(env, "before must be what makeRaw() has returned").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  memcpy(&before, info[1].As<Napi::Uint8Array>().Data(), sizeof before);
  return Napi::Number::New(env, tcsetattr(*fd, TCSADRAIN, &before) < 0 ? -errno : 0);
}

}  // namespace cofferdam
