#pragma once

// The debug witness of fd ownership: which fd numbers are owned in this process right now. In builds without
// COFFERDAM_DEBUG all of it compiles to nothing.

namespace cofferdam::fd_table {

#ifdef COFFERDAM_DEBUG

// Aborts if `fd` is owned already: two owners would close it twice, the second time somebody else's.
void Adopt(int fd);
// Aborts if `fd` is not owned.
void Forget(int fd);
// Aborts on -EBADF: somebody closed an fd that he did not own.
void CloseFailed(int fd, int error);
// How many fds are owned.
int Count();
// In a new process that has closed all that it came with, and whose owners of it never come to their ends.
void Reset();

#else

inline void Adopt(int) {}
inline void Forget(int) {}
inline void CloseFailed(int, int) {}
inline int Count() {
  return 0;
}
inline void Reset() {}

#endif

}  // namespace cofferdam::fd_table
