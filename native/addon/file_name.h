#pragma once

#include <napi.h>

#include <optional>
#include <string>

namespace cofferdam {

// Names of files are bytes, and JavaScript's strings are not. Bytes that are no UTF-8 stand in the string as
// lone surrogates, U+DC80 to U+DCFF for 0x80 to 0xFF, which nothing else becomes: so every name that was read
// finds its file again. It is no Napi::String, which node-addon-api takes through UTF-8 where it is put into
// an array.
Napi::Value FileName(Napi::Env env, const std::string& bytes);

// A name or a path of such names, without null bytes. A TypeError is pending where there is none.
std::optional<std::string> FileNameArgument(Napi::Value value, const char* name);

}  // namespace cofferdam
