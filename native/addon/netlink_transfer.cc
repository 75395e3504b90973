// NetlinkHandle's ways in and out: bytes to the kernel and datagrams from it, on the loop's thread and on
// others.
#include <algorithm>
#include <utility>
#include <vector>

#include "arguments.h"
#include "netlink_handle.h"
#include "shared_memory.h"

namespace cofferdam {

namespace {

// The words of NativeNetlink.report.
enum Word { kGroup, kPlace, kAhead, kReceived, kTook, kClock, kTurn };

Napi::Value Number(const Napi::CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}

}  // namespace

Napi::Value NetlinkHandle::Buffer(const Napi::CallbackInfo& info) {
  if (!open()) return Napi::Uint8Array::New(info.Env(), 0);
  // Out of memory, and JavaScript is told so.
  if (!NeedBuffer(info.Env())) return Napi::Value();
  return buffer_.Value();
}

bool NetlinkHandle::NeedBuffer(Napi::Env env) {
  if (!buffer_.IsEmpty()) return true;
  Napi::Uint8Array buffer = Napi::Uint8Array::New(env, capacity_);
  if (buffer.IsEmpty()) return false;
  buffer_ = Napi::Persistent(buffer);
  return true;
}

Napi::Value NetlinkHandle::Report(const Napi::CallbackInfo& info) {
  if (report_array_.IsEmpty()) {
    if (!open()) return Napi::Int32Array::New(info.Env(), kReportWords);
    report_memory_ = AllocateShared(kReportWords * sizeof(int32_t));
    Napi::Uint8Array bytes = ShareWithJavaScript(info.Env(), report_memory_, kReportWords * sizeof(int32_t));
    if (bytes.IsEmpty()) return Napi::Value();
    report_ = reinterpret_cast<int32_t*>(report_memory_.get());
    std::copy_n(unread_report_, kReportWords, report_);
    report_array_ = Napi::Persistent(Napi::Int32Array::New(info.Env(), kReportWords, bytes.ArrayBuffer(), 0));
  }
  return report_array_.Value();
}

std::optional<NetlinkHandle::Bytes> NetlinkHandle::BytesArgument(const Napi::CallbackInfo& info) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(info.Env(), info[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "bytes must be a Uint8Array").ThrowAsJavaScriptException();
    return std::nullopt;
  }
  return Bytes{static_cast<const uint8_t*>(data), length};
}

uint8_t* NetlinkHandle::BufferData(Napi::Env env) {
  if (!NeedBuffer(env)) return nullptr;
  // Asked anew each time: JavaScript can detach the buffer (structuredClone with transfer) and leave length
  // 0.
  napi_typedarray_type type;
  size_t size;
  void* data;
  napi_value buffer = buffer_.Value();
  if (napi_get_typedarray_info(env, buffer, &type, &size, &data, nullptr, nullptr) != napi_ok || size == 0)
    return nullptr;
  return static_cast<uint8_t*>(data);
}

Napi::Value NetlinkHandle::Send(const Napi::CallbackInfo& info) {
  std::optional<Bytes> bytes = BytesArgument(info);
  if (!bytes) return Napi::Value();
  std::optional<int32_t> offset = IntArgument(info[1], "offset");
  if (!offset) return Napi::Value();
  std::optional<int32_t> length = IntArgument(info[2], "length");
  if (!length) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (*offset < 0 || *length < 0 || static_cast<size_t>(*offset) > bytes->length ||
      static_cast<size_t>(*length) > bytes->length - static_cast<size_t>(*offset)) {
    return Number(info, -EINVAL);
  }
  if (threads_ != nullptr) threads_->EndSending();
  Begin();
  int sent = io_->Send(bytes->data + *offset, static_cast<size_t>(*length));
  Note();
  return Number(info, sent);
}

Napi::Value NetlinkHandle::Exchange(const Napi::CallbackInfo& info) {
  std::optional<Bytes> bytes = BytesArgument(info);
  if (!bytes) return Napi::Value();
  std::optional<int32_t> length = IntArgument(info[1], "length");
  if (!length) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (*length < 0 || static_cast<size_t>(*length) > bytes->length) return Number(info, -EINVAL);
  // Answers come in the order of the ring there.
  if (reading_ahead()) return Number(info, -EBUSY);
  if (threads_ != nullptr) threads_->EndSending();
  uint8_t* buffer = BufferData(info.Env());
  Begin();
  int sent = io_->Send(bytes->data, static_cast<size_t>(*length));
  report_[kReceived] = buffer == nullptr ? -EFAULT : sent < 0 ? -EAGAIN : ReceiveInto(buffer);
  Note();
  return Number(info, sent);
}

Napi::Value NetlinkHandle::Receive(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  Begin();
  if (reading_ahead()) {
    Datagram datagram;
    size_t offset;
    switch (threads_->Take(&datagram, &offset)) {
      case ReadAhead::Outcome::kTaken:
        received_group_ = static_cast<uint32_t>(datagram.group);
        report_[kGroup] = datagram.group;
        report_[kPlace] = static_cast<int32_t>(offset);
        report_[kAhead] = 1;
        Note();
        return Number(info, datagram.length);
      case ReadAhead::Outcome::kNothingYet:
        Note();
        return Number(info, -EINPROGRESS);
      case ReadAhead::Outcome::kEnded:
        if (int error = Watch(); error < 0) return Number(info, error);
    }
  }
  uint8_t* buffer = BufferData(info.Env());
  if (buffer == nullptr) return Number(info, -EFAULT);
  int length = ReceiveInto(buffer);
  Note();
  return Number(info, length);
}

int NetlinkHandle::ReceiveInto(uint8_t* buffer) {
  int length = io_->Receive(buffer, capacity_);
  received_group_ = io_->received_group();
  report_[kGroup] = static_cast<int32_t>(received_group_);
  report_[kPlace] = 0;
  report_[kAhead] = 0;
  return length;
}

void NetlinkHandle::Begin() {
  // In between the loop has waited for events.
  if (uint64_t turn = environment_->turn(); turn != turn_) {
    turn_ = turn;
    clock_.Settle();
  }
  clock_.Begin();
}

void NetlinkHandle::Note() {
  report_[kTook] = clock_.End();
  report_[kClock] = static_cast<int32_t>(clock_.ended());
  report_[kTurn] = static_cast<int32_t>(turn_);
}

int NetlinkHandle::NeedThreads() {
  if (threads_ != nullptr) return 0;
  Result<NetlinkThreads::Pointer> threads = NetlinkThreads::Create(environment_, io_, [this] {
    // Whoever closes us from within keeps it until libuv's close callbacks.
    if (on_readable_ != nullptr) on_readable_->Call(0);
  });
  if (!threads.ok()) return threads.error();
  threads_ = std::move(threads).value();
  return 0;
}

Napi::Value NetlinkHandle::StartReadAhead(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  if (reading_ahead()) return Number(info, -EALREADY);
  if (ring_array_.IsEmpty()) {
    ring_ = AllocateShared(ReadAhead::kRingBytes);
    if (ring_ == nullptr) return Number(info, -ENOMEM);
    Napi::Uint8Array ring = ShareWithJavaScript(info.Env(), ring_, ReadAhead::kRingBytes);
    if (ring.IsEmpty()) return Napi::Value();
    ring_array_ = Napi::Persistent(ring);
  }
  if (int error = NeedThreads(); error < 0) return Number(info, error);
  if (int error = threads_->StartReading(ring_); error < 0) return Number(info, error);
  Watch();
  return ring_array_.Value();
}

Napi::Value NetlinkHandle::SendAside(const Napi::CallbackInfo& info) {
  std::optional<Bytes> bytes = BytesArgument(info);
  if (!bytes) return Napi::Value();
  if (!open()) return Number(info, -EBADF);
  if (int error = NeedThreads(); error < 0) return Number(info, error);
  if (int error = threads_->Send({bytes->data, bytes->data + bytes->length}); error < 0)
    return Number(info, error);
  Watch();
  return Number(info, 0);
}

Napi::Value NetlinkHandle::Sent(const Napi::CallbackInfo& info) {
  if (!open()) return Number(info, -EBADF);
  std::optional<cofferdam::SendAside::Sent> sent;
  if (threads_ != nullptr) sent = threads_->Sent();
  if (!sent) return Number(info, -EINPROGRESS);
  report_[kTook] = sent->microseconds;
  Watch();
  return Number(info, sent->result);
}

Napi::Value NetlinkHandle::ReceiveMany(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    Napi::TypeError::New(info.Env(), "table must be an Int32Array").ThrowAsJavaScriptException();
    return Napi::Value();
  }
  if (!open()) return Number(info, -EBADF);
  if (reading_ahead()) return Number(info, -EBUSY);
  Napi::Int32Array table = info[0].As<Napi::Int32Array>();
  uint8_t* buffer = BufferData(info.Env());
  if (buffer == nullptr) return Number(info, -EFAULT);
  static_assert(sizeof(Datagram) == 3 * sizeof(int32_t));
  int rows = static_cast<int>(std::min<size_t>(table.ElementLength() / 3, INT32_MAX));
  return Number(info, io_->ReceiveMany(buffer, capacity_, reinterpret_cast<Datagram*>(table.Data()), rows));
}

}  // namespace cofferdam
