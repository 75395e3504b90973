#include "arguments.h"

#include <cmath>
#include <limits>

namespace cofferdam {

namespace {

void ThrowTypeError(Napi::Env env, const char* name, const char* expected) {
  Napi::TypeError::New(env, std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
}

template <typename T>
std::optional<std::vector<T>> ListArgument(Napi::Value value, const char* name,
                                           std::optional<T> (*item)(Napi::Value, const char*)) {
  if (value.IsEmpty()) return std::nullopt;
  if (!value.IsArray()) {
    ThrowTypeError(value.Env(), name, "an array");
    return std::nullopt;
  }
  Napi::Array array = value.As<Napi::Array>();
  std::vector<T> items;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    std::optional<T> one = item(array.Get(i), name);
    if (!one) return std::nullopt;
    items.push_back(std::move(*one));
  }
  return items;
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

std::optional<std::vector<std::string>> StringsArgument(Napi::Value value, const char* name) {
  return ListArgument<std::string>(value, name, StringArgument);
}

std::optional<std::vector<int32_t>> IntsArgument(Napi::Value value, const char* name) {
  return ListArgument<int32_t>(value, name, IntArgument);
}

std::optional<Napi::Function> FunctionArgument(Napi::Value value, const char* name) {
  if (value.IsFunction()) return value.As<Napi::Function>();
  ThrowTypeError(value.Env(), name, "a function");
  return std::nullopt;
}

}  // namespace cofferdam
