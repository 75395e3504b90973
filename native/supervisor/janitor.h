#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "../kernel/owned_fd.h"
#include "../kernel/result.h"

namespace cofferdam {

// What there is to clear away if the supervisor is killed: a table in memory that it shares with its janitor,
// and with nobody else. An entry is written before what it tells of is made.
class Ledger {
 public:
  struct Entry {
    // kUpper: nothing is left but the directory on disk, which the owner removes if he lives.
    enum State : uint32_t { kFree, kIntended, kMade, kUpper };
    std::atomic<uint32_t> state;
    // Of the cgroup, once it is made.
    uint64_t inode;
    char root[256];
    char group[512];
    char name[256];
    // As it says whose it is, before it is marked.
    char identity[256];
    // A link on the host, empty for none.
    char ifname[16];
    // Where it writes on disk, empty for nowhere.
    char upper[1024];
  };

  // Null where there is no memory.
  static Ledger* Create();

  // -ENOSPC where it is full, -ENAMETOOLONG for what does not fit.
  Result<Entry*> Intend(const std::string& root, const std::string& group, const std::string& name,
                        std::string_view identity);
  static void Made(Entry* entry, uint64_t inode);
  // Whether it fits.
  static bool SetLink(Entry* entry, const std::string& ifname);
  static bool SetUpper(Entry* entry, const std::string& path);
  // Its cgroup is gone.
  static void Clear(Entry* entry);

  // Removes all that is entered, whatever runs in it. True when nothing is left but directories on disk.
  bool Sweep();
  // Those of systems that are gone.
  void RemoveUppers();

 private:
  static constexpr size_t kEntries = 8192;
  // Those that have ever been used: who looks at another has the kernel make a page for it.
  std::span<Entry> Used() { return {entries_, used_.load(std::memory_order_acquire)}; }

  std::atomic<uint32_t> used_;
  Entry entries_[kEntries];
};

// Starts the janitor of this process: it waits for our end, and sweeps. A pidfd of it.
Result<OwnedFd> StartJanitor(Ledger* ledger);

}  // namespace cofferdam
