#include "command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>

#include "confine.h"

namespace cofferdam {

namespace {

constexpr int kExitCode = 127;

// None of them.
constexpr gid_t kNoGroups[1] = {};

// As execvp(3) looks where the environment has no PATH.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

std::vector<std::string> Texts(const MessageReader& request, Tag tag) {
  std::vector<std::string> texts;
  for (std::string_view text : request.All(tag)) texts.emplace_back(text);
  return texts;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// "NAME=" of a variable.
std::string_view NameOf(std::string_view variable) {
  return variable.substr(0, variable.find('=') + 1);
}

// That of the system, and over it that of the program.
std::vector<std::string> Environment(const MessageReader& system, const MessageReader& request) {
  std::vector<std::string> environment = Texts(request, Tag::kEnvironment);
  const size_t own = environment.size();
  for (std::string_view variable : system.All(Tag::kEnvironment)) {
    auto same = [&](const std::string& one) { return one.starts_with(NameOf(variable)); };
    auto end = environment.begin() + static_cast<ptrdiff_t>(own);
    if (std::none_of(environment.begin(), end, same)) environment.emplace_back(variable);
  }
  return environment;
}

// The files to try; an empty directory in PATH is the one that the program starts in.
std::vector<std::string> Candidates(const std::string& program, const std::vector<std::string>& environment) {
  if (program.empty() || program.find('/') != std::string::npos) return {program};
  std::string_view path = kDefaultPath;
  for (const std::string& variable : environment)
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  std::vector<std::string> candidates;
  for (;;) {
    size_t end = path.find(':');
    std::string directory(path.substr(0, end));
    candidates.push_back(directory.empty() ? program : directory + "/" + program);
    if (end == std::string_view::npos) return candidates;
    path.remove_prefix(end + 1);
  }
}

// What the child works by. It shares our memory until it executes: all of it is made ready before.
struct Plan {
  std::vector<std::string> arguments, environment, paths;
  std::vector<char*> argv, env;
  std::vector<int> stdio;
  std::string directory;
  Confinement confinement = {};
  std::string apparmor;
  // The fd that becomes the controlling terminal; -1 for none.
  int terminal = -1;

  // Said by the child.
  int error = 0;
  const char* call = "";
  const char* path = "";
};

[[noreturn]] void Fail(Plan& plan, const char* call, const char* path, int error) {
  plan.error = -error;
  plan.call = call;
  plan.path = path;
  _exit(kExitCode);
}

void ArrangeFds(Plan& plan) {
  const int count = static_cast<int>(plan.stdio.size());
  int& ruleset = plan.confinement.landlock_ruleset_fd;
  if (ruleset >= 0) {
    ruleset = fcntl(ruleset, F_DUPFD_CLOEXEC, count);
    if (ruleset < 0) Fail(plan, "fcntl", "", errno);
  }
  // Out of the way first: a source whose number is the place of another one would be overwritten.
  for (int& source : plan.stdio) {
    if (source >= count) continue;
    source = fcntl(source, F_DUPFD_CLOEXEC, count);
    if (source < 0) Fail(plan, "fcntl", "", errno);
  }
  for (int i = 0; i < count; ++i) {
    if (dup3(plan.stdio[static_cast<size_t>(i)], i, 0) < 0) Fail(plan, "dup3", "", errno);
    // Node's own streams do not block, and few programs expect that of theirs.
    int flags = i > STDERR_FILENO ? 0 : fcntl(i, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) != 0 && fcntl(i, F_SETFL, flags & ~O_NONBLOCK) < 0))
      Fail(plan, "fcntl", "", errno);
  }
  // All but the ruleset, which execve closes.
  if (ruleset > count && syscall(SYS_close_range, count, ruleset - 1, 0) < 0)
    Fail(plan, "close_range", "", errno);
  if (syscall(SYS_close_range, ruleset < 0 ? count : ruleset + 1, ~0U, 0) < 0)
    Fail(plan, "close_range", "", errno);
}

[[noreturn]] void Execute(Plan& plan) {
  const char* denied = nullptr;
  for (const std::string& path : plan.paths) {
    execve(path.c_str(), plan.argv.data(), plan.env.data());
    if (errno == EACCES) {
      if (denied == nullptr) denied = path.c_str();
    } else if (errno != ENOENT && errno != ENOTDIR) {
      Fail(plan, "execve", path.c_str(), errno);
    }
  }
  if (denied != nullptr) Fail(plan, "execve", denied, EACCES);
  Fail(plan, "execve", plan.argv[0], plan.paths.size() == 1 ? errno : ENOENT);
}

[[noreturn]] void RunChild(Plan& plan) {
  setsid();
  ArrangeFds(plan);
  if (plan.terminal >= 0 && ioctl(plan.terminal, TIOCSCTTY, 0) < 0) Fail(plan, "ioctl", "TIOCSCTTY", errno);
  if (chdir(plan.directory.c_str()) < 0) Fail(plan, "chdir", plan.directory.c_str(), errno);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const char* call = "";
  if (int error = Confine(plan.confinement, &call); error < 0) Fail(plan, call, "", -error);
  Execute(plan);
}

}  // namespace

Failure StartCommand(const MessageReader& system, const MessageReader& request, const OwnedFd& ruleset,
                     const std::vector<OwnedFd>& fds, pid_t* pid) {
  Plan plan;
  plan.arguments = Texts(request, Tag::kArgument);
  if (plan.arguments.empty()) return {-EINVAL, "execve", {}};
  plan.environment = Environment(system, request);
  plan.paths = Candidates(plan.arguments[0], plan.environment);
  plan.argv = Pointers(plan.arguments);
  plan.env = Pointers(plan.environment);
  for (const OwnedFd& fd : fds) plan.stdio.push_back(fd.get());
  plan.directory = (request.Has(Tag::kDirectory) ? request : system).Text(Tag::kDirectory);
  if (request.Has(Tag::kTerminal)) plan.terminal = STDIN_FILENO;
  if (uint64_t pty = request.Number(Tag::kPty); pty != 0) plan.terminal = std::countr_zero(pty);
  plan.apparmor = system.Text(Tag::kApparmor);
  std::string_view seccomp = system.Find(Tag::kSeccomp).value_or(std::string_view());
  Confinement& confinement = plan.confinement;
  confinement.dropped_capabilities = system.Number(Tag::kDroppedCapabilities);
  confinement.no_new_privs = system.Has(Tag::kNoNewPrivileges);
  confinement.seccomp = seccomp.empty() ? nullptr : seccomp.data();
  confinement.seccomp_bytes = seccomp.size();
  confinement.apparmor = plan.apparmor.empty() ? nullptr : plan.apparmor.c_str();
  confinement.landlock_ruleset_fd = ruleset.get();
  if (system.Has(Tag::kClearGroups)) confinement.groups = kNoGroups;
  const MessageReader& user = request.Has(Tag::kUid) ? request : system;
  confinement.uid = static_cast<uid_t>(user.Number(Tag::kUid));
  confinement.gid = static_cast<gid_t>(user.Number(Tag::kGid));

  *pid = vfork();
  if (*pid == 0) RunChild(plan);
  if (*pid < 0) return {-errno, "clone", {}};
  if (plan.error == 0) return {};
  waitpid(*pid, nullptr, 0);
  return {plan.error, plan.call, plan.path};
}

}  // namespace cofferdam
