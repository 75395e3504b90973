#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cofferdam {

// Arguments from JavaScript. Each throws a TypeError that names the argument, and returns nothing, where the
// type is wrong: that is a mistake in the program, unlike anything the kernel says.

std::optional<int32_t> IntArgument(Napi::Value value, const char* name);
std::optional<std::string> StringArgument(Napi::Value value, const char* name);
std::optional<std::vector<std::string>> StringsArgument(Napi::Value value, const char* name);
std::optional<std::vector<int32_t>> IntsArgument(Napi::Value value, const char* name);
std::optional<Napi::Function> FunctionArgument(Napi::Value value, const char* name);

}  // namespace cofferdam
