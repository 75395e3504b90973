#pragma once

#include <cstdio>
#include <cstdlib>

// Checks that stay in release builds and name what they saw.

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                      \
    }                                                                                    \
  } while (false)

#define CHECK_EQ(actual, expected)                                                                          \
  do {                                                                                                      \
    long long actual_value = static_cast<long long>(actual);                                                \
    long long expected_value = static_cast<long long>(expected);                                            \
    if (actual_value != expected_value) {                                                                   \
      std::fprintf(stderr, "%s:%d: %s is %lld, not %s (%lld)\n", __FILE__, __LINE__, #actual, actual_value, \
                   #expected, expected_value);                                                              \
      std::exit(1);                                                                                         \
    }                                                                                                       \
  } while (false)
