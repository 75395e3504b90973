#include "arguments.h"

#include <cmath>
#include <limits>

namespace cofferdam {

namespace {

void ThrowTypeError(Napi::Env env, const char* name, const char* expected) {
  Napi::TypeError::New(env, std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
}

}  // namespace

std::optional<int32_t> IntArgument(Napi::Value value, const char* name) {
  // Reading a property ran a getter, and it threw: its error is pending already.
  if (value.IsEmpty()) return std::nullopt;
  if (value.IsNumber()) {
    double number = value.As<Napi::Number>().DoubleValue();
    // napi's own conversion wraps 2^32 + 3 to 3, which as an fd or a group would be somebody else's.
    if (std::trunc(number) == number && number >= std::numeric_limits<int32_t>::min() &&
        number <= std::numeric_limits<int32_t>::max()) {
      return static_cast<int32_t>(number);
    }
  }
  ThrowTypeError(value.Env(), name, "a 32-bit integer");
  return std::nullopt;
}

std::optional<std::string> StringArgument(Napi::Value value, const char* name) {
  if (value.IsString()) {
    std::string text = value.As<Napi::String>().Utf8Value();
    // The kernel would see a shorter path than the one that was checked.
    if (text.find('\0') == std::string::npos) return text;
  }
  ThrowTypeError(value.Env(), name, "a string without null bytes");
  return std::nullopt;
}

std::optional<Napi::Function> FunctionArgument(Napi::Value value, const char* name) {
  if (value.IsFunction()) return value.As<Napi::Function>();
  ThrowTypeError(value.Env(), name, "a function");
  return std::nullopt;
}

}  // namespace cofferdam
