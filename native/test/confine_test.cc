// What Confine takes away is gone, by the kernel's own account (/proc/PID/status) before and after execve,
// and by calls that are refused. Every system call on the way is made to fail in turn (linker option --wrap):
// the error comes out with the name of its call, and nothing follows it.
#include "confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// The call that fails, counted from 1; 0: none.
int failing = 0;
int calls = 0;

}  // namespace

extern "C" {
// A child whose check failed exits, and the search for leaks would wait for a tracer that a confined child
// cannot have.
__attribute__((visibility("default"))) const char* __asan_default_options() {
  return "detect_leaks=0";
}

long __real_syscall(long, ...);

long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  if (++calls == failing) {
    errno = EPERM;
    return -1;
  }
  return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                        arguments[5]);
}
}

namespace {

constexpr uint64_t Bit(int capability) {
  return uint64_t{1} << capability;
}

constexpr uint64_t kDropped = Bit(CAP_SYS_ADMIN) | Bit(CAP_NET_RAW) | Bit(CAP_SYS_PTRACE);

using Status = std::map<std::string, std::string>;

Status ParseStatus(std::istream& text) {
  Status status;
  for (std::string line; std::getline(text, line);) {
    size_t colon = line.find(":\t");
    if (colon == std::string::npos) continue;
    std::string value = line.substr(colon + 2);
    while (value.ends_with(' ')) value.pop_back();
    status[line.substr(0, colon)] = value;
  }
  return status;
}

Status OwnStatus() {
  std::ifstream file("/proc/self/status");
  return ParseStatus(file);
}

uint64_t Mask(const Status& status, const char* name) {
  return std::stoull(status.at(name), nullptr, 16);
}

void CheckText(const std::string& actual, const std::string& expected) {
  if (actual != expected) std::fprintf(stderr, "'%s' instead of '%s'\n", actual.c_str(), expected.c_str());
  CHECK(actual == expected);
}

void MustConfine(const Confinement& confinement) {
  const char* call = "";
  int error = Confine(confinement, &call);
  if (error != 0) std::fprintf(stderr, "%s: %s\n", call, strerror(-error));
  CHECK_EQ(error, 0);
}

void CheckFailure(const Confinement& confinement, int expected, const char* expected_call) {
  const char* call = "";
  CHECK_EQ(Confine(confinement, &call), expected);
  CheckText(call, expected_call);
}

// Runs `body` in a child, which must end well.
void InChild(const std::function<void()>& body) {
  Outcome outcome = RunInChild(body);
  if (outcome.signal != 0 || outcome.exit_code != 0) std::fputs(outcome.errors.c_str(), stderr);
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
}

// What a program sees of itself that a child confined so has become.
Status AfterExec(const Confinement& confinement) {
  Outcome outcome = RunInChild([&] {
    MustConfine(confinement);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execl("/bin/cat", "cat", "/proc/self/status", nullptr);
  });
  CHECK_EQ(outcome.signal, 0);
  CHECK_EQ(outcome.exit_code, 0);
  std::istringstream text(outcome.errors);
  return ParseStatus(text);
}

template <typename Call>
void CheckRefused(int error, Call call) {
  errno = 0;
  CHECK_EQ(call(), -1);
  CHECK_EQ(errno, error);
}

// getppid is refused with ENOTTY, which no other filter would say.
const std::vector<sock_filter>& NoParents() {
  static const std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return program;
}

void UseProgram(Confinement* confinement, const std::vector<sock_filter>& program) {
  confinement->seccomp = program.data();
  confinement->seccomp_bytes = program.size() * sizeof(sock_filter);
}

void DropsCapabilities() {
  const Status before = OwnStatus();
  const Confinement confinement = {.dropped_capabilities = kDropped};
  auto check = [&](const Status& status) {
    CHECK_EQ(Mask(status, "CapBnd"), Mask(before, "CapBnd") & ~kDropped);
    CHECK_EQ(Mask(status, "CapPrm"), Mask(before, "CapPrm") & ~kDropped);
    CHECK_EQ(Mask(status, "CapEff"), Mask(before, "CapPrm") & ~kDropped);
    CHECK_EQ(Mask(status, "CapInh"), 0);
    CHECK_EQ(Mask(status, "CapAmb"), 0);
    CheckText(status.at("NoNewPrivs"), "1");
    CheckText(status.at("Seccomp"), "0");
  };
  InChild([&] {
    MustConfine(confinement);
    check(OwnStatus());
    // Of no effect for those who may, either: EBUSY.
    CheckRefused(EPERM, [] { return __real_syscall(SYS_pivot_root, "/", "/"); });
    CheckRefused(EPERM, [] { return unshare(CLONE_NEWUTS); });
    CheckRefused(EPERM, [] { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); });
    CheckRefused(EPERM, [] { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0); });
  });
  check(AfterExec(confinement));
  // All at once, and more than any kernel has.
  InChild([] {
    MustConfine({.dropped_capabilities = ~uint64_t{0}});
    const Status status = OwnStatus();
    for (const char* name : {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"})
      CHECK_EQ(Mask(status, name), 0);
  });
}

void LetsGoOfWhatIsInheritable() {
  InChild([] {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2];
    CHECK_EQ(__real_syscall(SYS_capget, &header, sets), 0);
    for (__user_cap_data_struct& set : sets) set.inheritable = set.permitted;
    CHECK_EQ(__real_syscall(SYS_capset, &header, sets), 0);
    CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
    MustConfine({});
    CHECK_EQ(Mask(OwnStatus(), "CapInh"), 0);
    CHECK_EQ(Mask(OwnStatus(), "CapAmb"), 0);
  });
}

void BecomesAnotherUser() {
  const gid_t groups[] = {10, 20};
  Confinement confinement = {.dropped_capabilities = kDropped, .uid = 1234, .gid = 2345};
  confinement.groups = groups;
  confinement.group_count = 2;
  auto check = [](const Status& status) {
    CheckText(status.at("Uid"), "1234\t1234\t1234\t1234");
    CheckText(status.at("Gid"), "2345\t2345\t2345\t2345");
    CheckText(status.at("Groups"), "10 20");
    for (const char* name : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) CHECK_EQ(Mask(status, name), 0);
  };
  InChild([&] {
    MustConfine(confinement);
    check(OwnStatus());
    CheckRefused(EPERM, [] { return setresuid(0, 0, 0); });
    CheckRefused(EPERM, [] { return setresgid(0, 0, 0); });
  });
  check(AfterExec(confinement));
  confinement.group_count = 0;
  CheckText(AfterExec(confinement).at("Groups"), "");
  // Whatever securebits say about user 0.
  InChild([&] {
    CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP, 0, 0, 0), 0);
    MustConfine(confinement);
    CHECK_EQ(Mask(OwnStatus(), "CapPrm"), 0);
  });
}

// As a namespace of an unprivileged maker is: setgroups(2) is forbidden there.
void ConfinesInAUserNamespace() {
  InChild([] {
    if (unshare(CLONE_NEWUSER) < 0) {
      std::puts("skipped: no user namespaces");
      return;
    }
    auto write = [](const char* path, const char* text) {
      std::ofstream file(path);
      file << text;
      file.close();
      CHECK(file.good());
    };
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", "0 0 1");
    write("/proc/self/gid_map", "0 0 1");
    const gid_t groups[] = {0};
    Confinement confinement = {.dropped_capabilities = kDropped};
    InChild([&] {
      Confinement with = confinement;
      with.groups = groups;
      CheckFailure(with, -EPERM, "setgroups");
    });
    MustConfine(confinement);
    const Status status = OwnStatus();
    CHECK_EQ(Mask(status, "CapEff") & kDropped, 0);
    CHECK(Mask(status, "CapEff") & Bit(CAP_CHOWN));
    CheckRefused(EPERM, [] { return unshare(CLONE_NEWUTS); });
  });
}

void FiltersSystemCalls() {
  Confinement confinement = {.dropped_capabilities = kDropped};
  UseProgram(&confinement, NoParents());
  for (bool no_new_privs : {true, false}) {
    confinement.no_new_privs = no_new_privs;
    InChild([&] {
      MustConfine(confinement);
      const Status status = OwnStatus();
      CheckText(status.at("Seccomp"), "2");
      CheckText(status.at("Seccomp_filters"), "1");
      CheckText(status.at("NoNewPrivs"), no_new_privs ? "1" : "0");
      CHECK_EQ(Mask(status, "CapEff") & kDropped, 0);
      CheckRefused(ENOTTY, [] { return __real_syscall(SYS_getppid); });
    });
  }
  InChild([&] {
    Confinement endless = confinement;
    endless.seccomp_bytes = (65536 + 4) * sizeof(sock_filter);
    CheckFailure(endless, -EINVAL, "seccomp");
  });
  InChild([&] {
    const std::vector<sock_filter> without_end = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    UseProgram(&confinement, without_end);
    CheckFailure(confinement, -EINVAL, "seccomp");
  });
}

void EntersLandlock() {
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE;
  long ruleset = __real_syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (ruleset < 0) {
    std::printf("skipped: no landlock (%s)\n", strerror(errno));
    return;
  }
  InChild([&] {
    MustConfine({.dropped_capabilities = kDropped, .landlock_ruleset_fd = static_cast<int>(ruleset)});
    CheckRefused(EACCES, [] { return open("/etc/passwd", O_RDONLY | O_CLOEXEC); });
  });
  close(static_cast<int>(ruleset));
  InChild([] { CheckFailure({.landlock_ruleset_fd = 99'999}, -EBADF, "landlock_restrict_self"); });
}

void NamesWhatFailed() {
  InChild([] {
    // Less than Confine needs.
    MustConfine({.dropped_capabilities = Bit(CAP_SETPCAP)});
    CheckFailure({.dropped_capabilities = kDropped}, -EPERM, "prctl(PR_CAPBSET_DROP)");
  });
  InChild([] {
    MustConfine({.dropped_capabilities = Bit(CAP_SETUID) | Bit(CAP_SETGID)});
    CheckFailure({.gid = 1}, -EPERM, "setresgid");
    CheckFailure({.uid = 1}, -EPERM, "setresuid");
  });
  InChild([] {
    CheckFailure({.gid = static_cast<gid_t>(-1)}, -EINVAL, "setresgid");
    CheckFailure({.uid = static_cast<uid_t>(-1)}, -EINVAL, "setresuid");
  });
  InChild([] {
    const char* call = "";
    Confinement confinement;
    confinement.apparmor = "no-such-profile-of-cofferdam";
    CHECK(Confine(confinement, &call) < 0);
    CHECK(strcmp(call, "write") == 0 || strcmp(call, "open") == 0);
    const std::string endless(5000, 'x');
    confinement.apparmor = endless.c_str();
    CheckFailure(confinement, -ENAMETOOLONG, "write");
  });
}

// Each call in turn: what failed is told, and nothing is tried after it.
void EveryCallFails() {
  const gid_t groups[] = {10};
  Confinement confinement = {.dropped_capabilities = kDropped, .uid = 1234, .gid = 2345};
  confinement.groups = groups;
  confinement.group_count = 1;
  UseProgram(&confinement, NoParents());
  int all = 0;
  for (bool no_new_privs : {true, false}) {
    confinement.no_new_privs = no_new_privs;
    for (int which = 1;; ++which) {
      Outcome outcome = RunInChild([&] {
        calls = 0;
        failing = which;
        const char* call = nullptr;
        int error = Confine(confinement, &call);
        int made = calls;
        failing = 0;
        if (made < which) {
          CHECK_EQ(error, 0);
          _exit(42);
        }
        CHECK_EQ(error, -EPERM);
        CHECK(call != nullptr);
        CHECK_EQ(made, which);
      });
      if (outcome.exit_code == 42) break;
      if (outcome.exit_code != 0) std::fputs(outcome.errors.c_str(), stderr);
      CHECK_EQ(outcome.exit_code, 0);
      ++all;
    }
  }
  // Three capabilities with two calls each, the ambient set, three kinds of ids, two for capabilities, the
  // filter; and no_new_privs once.
  CHECK_EQ(all, 2 * 13 + 1);
}

}  // namespace

int main() {
  if (geteuid() != 0 ||
      (Mask(OwnStatus(), "CapEff") & (kDropped | Bit(CAP_SETPCAP))) != (kDropped | Bit(CAP_SETPCAP))) {
    std::puts("needs root with its capabilities");
    return 77;
  }
  int before = CountFds();
  DropsCapabilities();
  LetsGoOfWhatIsInheritable();
  BecomesAnotherUser();
  ConfinesInAUserNamespace();
  FiltersSystemCalls();
  EntersLandlock();
  NamesWhatFailed();
  EveryCallFails();
  CHECK_EQ(CountFds(), before);
  return 0;
}
