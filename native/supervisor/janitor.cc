#include "janitor.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "../kernel/fd_table.h"
#include "fork.h"
#include "host_link.h"
#include "reclaim.h"
#include "remove_files.h"

namespace cofferdam {

namespace {

template <size_t N>
bool Copy(char (&into)[N], std::string_view text) {
  if (text.size() >= N) return false;
  memcpy(into, text.data(), text.size());
  into[text.size()] = '\0';
  return true;
}

bool SweepOne(const Ledger::Entry& entry, uint32_t state) {
  Result<CgroupDir> parent = CgroupDir::Open(entry.root, entry.group);
  if (!parent.ok()) return true;
  Result<CgroupDir> cgroup = parent.value().OpenBelow(entry.name);
  const std::string intent = kIntentMark + std::string(entry.name);
  Result<std::string> intended = parent.value().Attribute(intent.c_str());
  const bool is_others = intended.ok() && intended.value() != entry.identity;
  if (!is_others) parent.value().RemoveAttribute(intent.c_str());
  if (!cgroup.ok()) return true;
  if (state == Ledger::Entry::kIntended) {
    // Somebody is about to make one of the same name, or to find that ours is there: he says so before, and
    // until one of the two has happened.
    if (is_others) return false;
    // Made in the moment of death: without its marks nobody else claims it, and nobody can be in it. With
    // marks it is not the one that was intended.
    if (cgroup.value().Attribute(kIdentityMark).ok()) return true;
    parent.value().Remove(entry.name, cgroup.value().inode());
    return true;
  }
  if (cgroup.value().inode() != entry.inode) return true;
  KillTree(cgroup.value());
  if (entry.ifname[0] != '\0') DeleteHostLink(entry.ifname);
  return RemoveTree(parent.value(), entry.name, cgroup.value()) == 0;
}

// Beside a directory on disk, as src/system/upper.ts makes it: it goes last, and so says whether that is
// gone.
std::string RecordOf(const Ledger::Entry& entry) {
  return std::string(entry.upper) + ".owner";
}

bool IsFree(const Ledger::Entry& entry) {
  const uint32_t state = entry.state.load(std::memory_order_relaxed);
  if (state != Ledger::Entry::kUpper) return state == Ledger::Entry::kFree;
  struct stat status;
  return lstat(RecordOf(entry).c_str(), &status) < 0 && errno == ENOENT;
}

[[noreturn]] void RunJanitor(Ledger* ledger, int supervisor) {
  dup3(supervisor, 3, O_CLOEXEC);
  syscall(SYS_close_range, 4U, ~0U, 0);
  fd_table::Reset();
  prctl(PR_SET_NAME, "cofferdam-janit", 0, 0, 0);
  pollfd end = {3, POLLIN, 0};
  // Nothing but its end: whatever poll(2) may lack, a supervisor who lives has his systems.
  while (poll(&end, 1, -1) <= 0) continue;
  // Whoever does not end at once is waited for: there is nobody else.
  for (long pause = 100'000; !ledger->Sweep(); pause = pause < 50'000'000 ? pause * 2 : pause) {
    timespec time = {0, pause};
    nanosleep(&time, nullptr);
  }
  ledger->RemoveUppers();
  for (;;) _exit(0);
}

}  // namespace

Ledger* Ledger::Create() {
  void* memory = mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  // All zero: every entry is free.
  return memory == MAP_FAILED ? nullptr : static_cast<Ledger*>(memory);
}

Result<Ledger::Entry*> Ledger::Intend(const std::string& root, const std::string& group,
                                      const std::string& name, std::string_view identity) {
  for (uint32_t index = 0; index < kEntries; ++index) {
    Entry& entry = entries_[index];
    const uint32_t used = used_.load(std::memory_order_relaxed);
    if (index < used && !IsFree(entry)) continue;
    if (!Copy(entry.root, root) || !Copy(entry.group, group) || !Copy(entry.name, name) ||
        !Copy(entry.identity, identity))
      return Errno{-ENAMETOOLONG};
    entry.inode = 0;
    entry.ifname[0] = entry.upper[0] = '\0';
    if (index == used) used_.store(used + 1, std::memory_order_release);
    entry.state.store(Entry::kIntended, std::memory_order_release);
    return &entry;
  }
  return Errno{-ENOSPC};
}

void Ledger::Made(Entry* entry, uint64_t inode) {
  entry->inode = inode;
  entry->state.store(Entry::kMade, std::memory_order_release);
}

bool Ledger::SetLink(Entry* entry, const std::string& ifname) {
  return Copy(entry->ifname, ifname);
}

bool Ledger::SetUpper(Entry* entry, const std::string& path) {
  return Copy(entry->upper, path);
}

void Ledger::Clear(Entry* entry) {
  entry->state.store(entry->upper[0] == '\0' ? Entry::kFree : Entry::kUpper, std::memory_order_release);
}

bool Ledger::Sweep() {
  bool clean = true;
  for (Entry& entry : Used()) {
    uint32_t state = entry.state.load(std::memory_order_acquire);
    if (state != Entry::kIntended && state != Entry::kMade) continue;
    if (SweepOne(entry, state)) {
      RemoveGroups(entry.root, entry.group);
      Clear(&entry);
    } else {
      clean = false;
    }
  }
  return clean;
}

void Ledger::RemoveUppers() {
  for (Entry& entry : Used()) {
    if (entry.state.load(std::memory_order_acquire) != Entry::kUpper) continue;
    // What cannot be removed keeps its record, for the next start.
    if (RemoveFiles(entry.upper) == 0) unlink(RecordOf(entry).c_str());
    entry.state.store(Entry::kFree, std::memory_order_release);
  }
}

Result<OwnedFd> StartJanitor(Ledger* ledger) {
  Result<OwnedFd> self = OwnedFd::Pidfd(getpid());
  if (!self.ok()) return self.failure();
  OwnedFd pidfd;
  // With a copy of the mounts, in which no root of a system covers anything. Who may not have that covers
  // nothing, either.
  pid_t pid = Fork(CLONE_NEWNS, -1, &pidfd);
  if (pid == -EPERM) pid = Fork(0, -1, &pidfd);
  if (pid == 0) RunJanitor(ledger, self.value().get());
  if (pid < 0) return Errno{pid};
  return pidfd;
}

}  // namespace cofferdam
