#pragma once

#include <cerrno>
#include <optional>
#include <utility>

namespace cofferdam {

// A failed system call: a negative errno, never 0.
struct Errno {
  int value;

  // What the last system call of this thread said. Read it before anything else may overwrite errno.
  static Errno Last() { return Errno{-errno}; }
};

// Either a value or the reason why there is none. Nothing in native/ throws: builds have exceptions off.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose, as `return fd;`
  Result(Errno error) : error_(error.value) {}   // NOLINT: implicit on purpose, as `return Errno{...};`

  bool ok() const { return value_.has_value(); }
  // The negative errno; 0 when there is a value.
  int error() const { return error_; }
  Errno failure() const { return Errno{error_}; }
  T& value() & { return *value_; }
  T&& value() && { return std::move(*value_); }

 private:
  std::optional<T> value_;
  int error_ = 0;
};

}  // namespace cofferdam
