#include "fd_table.h"

#ifdef COFFERDAM_DEBUG

#include <execinfo.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_set>

namespace cofferdam::fd_table {

namespace {

struct Table {
  std::mutex mutex;
  std::unordered_set<int> owned;
};

// Never destroyed: owners with static life time, and threads that outlive main, still ask it.
Table& TheTable() {
  static Table* table = new Table;
  return *table;
}

[[noreturn]] void Die(int fd, const char* why) {
  char line[128];
  int length = snprintf(line, sizeof line, "cofferdam: fd %d: %s\n", fd, why);
  if (length > 0) (void)!write(STDERR_FILENO, line, static_cast<size_t>(length));
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  abort();
}

}  // namespace

void Adopt(int fd) {
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  if (!table.owned.insert(fd).second) Die(fd, "adopted by a second owner");
}

void Forget(int fd) {
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  if (table.owned.erase(fd) == 0) Die(fd, "closed by one who does not own it");
}

void CloseFailed(int fd, int error) {
  if (error == -EBADF) Die(fd, "was closed behind its owner's back");
}

void Reset() {
  TheTable().owned.clear();
}

int Count() {
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  return static_cast<int>(table.owned.size());
}

}  // namespace cofferdam::fd_table

#endif
