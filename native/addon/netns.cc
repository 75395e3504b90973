#include "netns.h"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "../kernel/netns_entry.h"
#include "../kernel/netns_socket.h"
#include "arguments.h"
#include "fd_handle.h"

namespace cofferdam {

namespace {

// openNetns(path)
Napi::Value Open(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "path");
  if (!path) return Napi::Value();
  return FdHandle::Wrap(info.Env(), OpenNetns(path->c_str()));
}

// createNetns()
Napi::Value Create(const Napi::CallbackInfo& info) {
  return FdHandle::Wrap(info.Env(), CreateNetns());
}

// openNetnsOfPid(pid)
Napi::Value OpenOfPid(const Napi::CallbackInfo& info) {
  std::optional<int32_t> pid = IntArgument(info[0], "pid");
  if (!pid) return Napi::Value();
  return FdHandle::Wrap(info.Env(), OpenNetnsOfPid(*pid));
}

// duplicateNetns(fd)
Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  return FdHandle::Wrap(info.Env(), DuplicateNetns(*fd));
}

// mountNetns(netnsFd, path)
Napi::Value Mount(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "netnsFd");
  if (!fd) return Napi::Value();
  std::optional<std::string> path = StringArgument(info[1], "path");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), MountNetns(*fd, path->c_str()));
}

// unmountNetns(path)
Napi::Value Unmount(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "path");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), UnmountNetns(path->c_str()));
}

// shareMount(directory)
Napi::Value Share(const Napi::CallbackInfo& info) {
  std::optional<std::string> path = StringArgument(info[0], "directory");
  if (!path) return Napi::Value();
  return Napi::Number::New(info.Env(), ShareMount(path->c_str()));
}

// openSocket(netnsFd, family, type, protocol)
Napi::Value OpenSocket(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "netnsFd");
  if (!fd) return Napi::Value();
  std::optional<int32_t> family = IntArgument(info[1], "family");
  if (!family) return Napi::Value();
  std::optional<int32_t> type = IntArgument(info[2], "type");
  if (!type) return Napi::Value();
  std::optional<int32_t> protocol = IntArgument(info[3], "protocol");
  if (!protocol) return Napi::Value();
  return FdHandle::Wrap(info.Env(), OpenSocketIn(*fd, *family, *type, *protocol));
}

// bindSocket(fd, address, port, zone, reuse)
Napi::Value Bind(const Napi::CallbackInfo& info) {
  std::optional<int32_t> fd = IntArgument(info[0], "fd");
  if (!fd) return Napi::Value();
  std::optional<std::string> address = StringArgument(info[1], "address");
  if (!address) return Napi::Value();
  std::optional<int32_t> port = IntArgument(info[2], "port");
  if (!port) return Napi::Value();
  std::optional<std::string> zone = StringArgument(info[3], "zone");
  if (!zone) return Napi::Value();
  int error = -EINVAL;
  if (*port >= 0 && *port <= UINT16_MAX) {
    auto number = static_cast<uint16_t>(*port);
    error = BindSocket(*fd, address->c_str(), number, zone->c_str(), info[4].ToBoolean());
  }
  return Napi::Number::New(info.Env(), error);
}

// netnsOfSocket(pid, fd)
Napi::Value OfSocket(const Napi::CallbackInfo& info) {
  std::optional<int32_t> pid = IntArgument(info[0], "pid");
  if (!pid) return Napi::Value();
  std::optional<int32_t> fd = IntArgument(info[1], "fd");
  if (!fd) return Napi::Value();
  Result<SocketPlace> place = FindSocket(*pid, *fd);
  if (!place.ok()) return Napi::Number::New(info.Env(), place.error());
  Napi::Object found = Napi::Object::New(info.Env());
  found["socket"] = static_cast<double>(place.value().socket);
  found["netns"] = static_cast<double>(place.value().netns);
  return found;
}

}  // namespace

void ExportNetns(Napi::Env env, Napi::Object exports) {
  exports["openNetns"] = Napi::Function::New<Open>(env, "openNetns");
  exports["createNetns"] = Napi::Function::New<Create>(env, "createNetns");
  exports["openNetnsOfPid"] = Napi::Function::New<OpenOfPid>(env, "openNetnsOfPid");
  exports["duplicateNetns"] = Napi::Function::New<Duplicate>(env, "duplicateNetns");
  exports["mountNetns"] = Napi::Function::New<Mount>(env, "mountNetns");
  exports["unmountNetns"] = Napi::Function::New<Unmount>(env, "unmountNetns");
  exports["shareMount"] = Napi::Function::New<Share>(env, "shareMount");
  exports["openSocket"] = Napi::Function::New<OpenSocket>(env, "openSocket");
  exports["bindSocket"] = Napi::Function::New<Bind>(env, "bindSocket");
  exports["netnsOfSocket"] = Napi::Function::New<OfSocket>(env, "netnsOfSocket");
}

}  // namespace cofferdam
