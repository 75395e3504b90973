#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace cofferdam {

// Of a clock that never goes back.
inline int64_t Microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

inline int32_t Elapsed(int64_t since) {
  return static_cast<int32_t>(std::min<int64_t>(Microseconds() - since, INT32_MAX));
}

}  // namespace cofferdam
