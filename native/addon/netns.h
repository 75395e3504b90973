#pragma once

#include <napi.h>

namespace cofferdam {

// What src/handle/native.ts has about network namespaces, but for the netlink sockets that live in them.
void ExportNetns(Napi::Env env, Napi::Object exports);

}  // namespace cofferdam
