#include "confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

// Everything here is syscall(2). The C library's setresuid(3) and its kin would make all threads follow, by
// signals and a list of threads that are the parent's.

namespace cofferdam {

namespace {

constexpr int kCapabilities = 64;
// What setresuid(2) takes for "as it is", which may be root.
constexpr uid_t kUnchanged = static_cast<uid_t>(-1);
constexpr size_t kMaxInstructions = BPF_MAXINSNS;

// Remembers which call failed.
class Caller {
 public:
  explicit Caller(const char** call) : call_(call) {}
  // `result` as syscall(2) gave it; 0 or a negative errno.
  int operator()(const char* name, long result) const { return result < 0 ? Refuse(name, errno) : 0; }
  int Refuse(const char* name, int error) const {
    *call_ = name;
    return -error;
  }

 private:
  const char** call_;
};

// The profile is entered by execve, and nothing below makes that impossible: a process that is unconfined so
// far may enter any profile, no_new_privs or not.
int AnnounceAppArmor(const char* profile, const Caller& caller) {
  constexpr char kVerb[] = "exec ";
  constexpr size_t kVerbLength = sizeof kVerb - 1;
  char text[1024];
  size_t length = strlen(profile);
  if (length > sizeof text - kVerbLength) return caller.Refuse("write", ENAMETOOLONG);
  memcpy(text, kVerb, kVerbLength);
  memcpy(text + kVerbLength, profile, length);
  length += kVerbLength;

  // The first is AppArmor's own; the second, the only one before Linux 5.1, is that of the first security
  // module.
  long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return caller("open", fd);
  // In one piece: each write is a command of its own.
  int error = caller("write", syscall(SYS_write, fd, text, length));
  syscall(SYS_close, fd);
  return error;
}

int ShrinkBoundingSet(uint64_t dropped, const Caller& caller) {
  for (int capability = 0; capability < kCapabilities; ++capability) {
    if ((dropped >> capability & 1) == 0) continue;
    long bound = syscall(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
    // EINVAL: this kernel knows no such capability, so that nobody has it.
    if (bound < 0 && errno != EINVAL) return caller("prctl(PR_CAPBSET_READ)", bound);
    if (bound <= 0) continue;
    if (int error =
            caller("prctl(PR_CAPBSET_DROP)", syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0)))
      return error;
  }
  return caller("prctl(PR_CAP_AMBIENT)",
                syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

int ChangeIds(const Confinement& confinement, const Caller& caller) {
  if (confinement.groups != nullptr) {
    if (int error = caller("setgroups", syscall(SYS_setgroups, confinement.group_count, confinement.groups)))
      return error;
  }
  const gid_t gid = confinement.gid;
  if (gid == kUnchanged) return caller.Refuse("setresgid", EINVAL);
  if (int error = caller("setresgid", syscall(SYS_setresgid, gid, gid, gid))) return error;
  const uid_t uid = confinement.uid;
  if (uid == kUnchanged) return caller.Refuse("setresuid", EINVAL);
  return caller("setresuid", syscall(SYS_setresuid, uid, uid, uid));
}

// The kernel takes them from a process that ceases to be user 0, unless securebits(7) that were inherited say
// otherwise: therefore said for every user.
int KeepCapabilities(const Confinement& confinement, const Caller& caller) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (int error = caller("capget", syscall(SYS_capget, &header, sets))) return error;
  for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; ++word) {
    const uint32_t dropped = static_cast<uint32_t>(confinement.dropped_capabilities >> (32 * word));
    const uint32_t kept = confinement.uid == 0 ? sets[word].permitted & ~dropped : 0;
    sets[word] = {kept, kept, 0};
  }
  return caller("capset", syscall(SYS_capset, &header, sets));
}

int Filter(const Confinement& confinement, const Caller& caller) {
  if (confinement.landlock_ruleset_fd >= 0) {
    if (int error = caller("landlock_restrict_self",
                           syscall(SYS_landlock_restrict_self, confinement.landlock_ruleset_fd, 0)))
      return error;
  }
  if (confinement.seccomp == nullptr) return 0;
  const size_t count = confinement.seccomp_bytes / sizeof(sock_filter);
  // The kernel sees 16 bits of the length.
  if (count > kMaxInstructions) return caller.Refuse("seccomp", EINVAL);
  sock_fprog program = {static_cast<unsigned short>(count),
                        static_cast<sock_filter*>(const_cast<void*>(confinement.seccomp))};
  return caller("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

}  // namespace

int Confine(const Confinement& confinement, const char** call) {
  const Caller caller(call);
  if (confinement.apparmor != nullptr) {
    if (int error = AnnounceAppArmor(confinement.apparmor, caller)) return error;
  }
  if (int error = ShrinkBoundingSet(confinement.dropped_capabilities, caller)) return error;
  // Without no_new_privs filters are for who has CAP_SYS_ADMIN: before it is gone, and at the price that the
  // filter has to let pass what follows here.
  if (!confinement.no_new_privs) {
    if (int error = Filter(confinement, caller)) return error;
  }
  if (int error = ChangeIds(confinement, caller)) return error;
  if (int error = KeepCapabilities(confinement, caller)) return error;
  if (!confinement.no_new_privs) return 0;
  if (int error = caller("prctl(PR_SET_NO_NEW_PRIVS)", syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
    return error;
  return Filter(confinement, caller);
}

}  // namespace cofferdam
